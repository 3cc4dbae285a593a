// SPDX-License-Identifier: Apache-2.0
// What shared values and arrays promise, between threads and between processes of every start
// method.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <numeric>
#include <random>
#include <shoal/atomic.hpp>
#include <shoal/error.hpp>
#include <span>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

struct Point {
  int x = 0;
  double y = 0;
};

class ValueSuite : public PartySuite {};

TEST_P(ValueSuite, AnothersChangesAreSeenHere_69) {
  const Value<int> i(-1);
  const Value<double> d(1.5);
  const RawValue<short> h(8);
  const RawValue<std::int64_t> q(1LL << 33);
  const Value<char> c('x');
  Party other = start(
      [](const Value<int>& int_value, const Value<double>& double_value,
         const RawValue<short>& raw_short, const RawValue<std::int64_t>& raw_long,
         const Value<char>& char_value) {
        int_value.set(int_value.get() + 43);
        *double_value *= 2;
        raw_short.set(7);
        *raw_long *= 2;
        char_value.with([](char& it) { it = 'y'; });
      },
      i, d, h, q, c);
  ASSERT_TRUE(other.join());
  EXPECT_EQ(i.get(), 42);
  EXPECT_EQ(d.get(), 3);
  EXPECT_EQ(h.get(), 7);
  EXPECT_EQ(q.get(), 1LL << 34);
  EXPECT_EQ(c.get(), 'y');
}

template <class L>
concept HasLock = requires(const L& lock) {
  lock.lock();
  lock.unlock();
};

TEST_P(ValueSuite, HasALockUnlessItIsRaw_70) {
  static_assert(HasLock<Value<int>> && HasLock<Array<int>>);
  static_assert(!HasLock<RawValue<int>> && !HasLock<RawArray<int>>);
  const Value<int> value;
  const Array<int> array(3);
  const std::scoped_lock guard(value, array);
  Party other = start(
      [](const Value<int>& same_value, const Array<int>& same_array) {
        ASSERT_FALSE(same_value.try_lock());
        ASSERT_FALSE(same_array.try_lock_for(10ms));
        ASSERT_FALSE(same_array.try_lock_until(std::chrono::steady_clock::now()));
      },
      value, array);
  EXPECT_TRUE(other.join());
}

TEST_P(ValueSuite, ArraysAreReadAndWrittenInParts_71) {
  const Array<int> locked{680, 626, 934, 821, 150, 233, 548, 982, 714, 831};
  const RawArray<int> raw(locked);
  const auto sums = [](const Array<int>& one, const RawArray<int>& other) {
    one.with([](std::span<int> all) { std::partial_sum(all.begin(), all.end(), all.begin()); });
    for (std::size_t i = 1; i < other.size(); ++i) other[i] += other[i - 1];
  };
  EXPECT_EQ(locked.size(), 10U);
  EXPECT_EQ(locked[3], 821);
  std::ranges::copy(std::array{1, 2, 3, 4}, locked.span().subspan(4, 4).begin());
  for (std::size_t i = 4; i < 8; ++i) raw.at(i) = static_cast<int>(i) - 3;
  std::vector<int> expected(locked.begin(), locked.end());
  EXPECT_EQ(expected, (std::vector{680, 626, 934, 821, 1, 2, 3, 4, 714, 831}));
  ASSERT_TRUE(start(sums, locked, raw).join());
  std::partial_sum(expected.begin(), expected.end(), expected.begin());
  EXPECT_TRUE(std::ranges::equal(locked, expected));
  EXPECT_TRUE(std::ranges::equal(raw, expected));
}

TEST_P(ValueSuite, AnArrayByItsLengthAloneIsZeros_72) {
  Party other = start([] {
    for (std::size_t count = 1; count < 40'000; count *= 3) {
      const Array<int> array(count);
      ASSERT_TRUE(std::ranges::all_of(array, [](int each) { return each == 0; }));
      std::ranges::fill(array, -1);
    }
  });
  EXPECT_TRUE(other.join());
}

TEST_P(ValueSuite, StructsAndTextAreDoubledByAnother_73) {
  const Value<Point> point({3, 1.25});
  const RawArray<Point> points{{1, 2}, {3, 4}};
  const Array<char> text(std::string("hello"));
  Party other = start(
      [](const Value<Point>& one, const RawArray<Point>& many, const Array<char>& letters) {
        one->x *= 2;
        one->y *= 2;
        for (Point& each : many) each = {2 * each.x, 2 * each.y};
        for (char& each : letters) ++each;
      },
      point, points, text);
  ASSERT_TRUE(other.join());
  EXPECT_EQ(point->x, 6);
  EXPECT_EQ(point->y, 2.5);
  EXPECT_EQ(points[1].x, 6);
  EXPECT_EQ(points[1].y, 8);
  EXPECT_EQ(std::string(text.begin(), text.end()), "ifmmp");
}

TEST_P(ValueSuite, ACopyOfWhatIsInItIsNobodyElses_74) {
  const Value<Point> point({1, 2});
  const Point copy = point.get();
  Party other = start([](const Value<Point>& same) { same.set({3, 4}); }, point);
  ASSERT_TRUE(other.join());
  EXPECT_EQ(copy.x, 1);
  EXPECT_EQ(point.get().x, 3);
  const Value<Point> handle = point;
  handle.set({5, 6});
  EXPECT_EQ(point.get().x, 5);
}

// Leaks are the leak guard's business.
TEST_P(ValueSuite, ManyThatComeAndGoKeepTheirPlaces_75) {
  Party other = start([] {
    std::minstd_rand dice(7);
    std::vector<Array<unsigned>> there;
    for (unsigned i = 0; i < 1'000; ++i) {
      if (there.size() < 50 && dice() % 3 != 0) {
        there.emplace_back(1 + dice() % 5'000, i);
      } else if (!there.empty()) {
        std::swap(there[dice() % there.size()], there.back());
        const unsigned first = there.back()[0];
        ASSERT_TRUE(std::ranges::all_of(there.back(), [=](unsigned it) { return it == first; }));
        there.pop_back();
      }
    }
  });
  EXPECT_TRUE(other.join());
}

TEST_P(ValueSuite, NoChangeUnderTheLockIsLost) {
  const Value<int> value;
  const Array<int> array(2);
  const auto work = [](const Value<int>& one, const Array<int>& two) {
    for (int i = 0; i < 2'000; ++i) {
      one.with([](int& it) { ++it; });
      const std::scoped_lock guard(two);
      if (two[0] != two[1]) throw std::logic_error("two are inside");
      ++two[0];
      ++two[1];
    }
  };
  Party first = start(work, value, array);
  Party second = start(work, value, array);
  work(value, array);
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
  EXPECT_EQ(value.get(), 6'000);
  EXPECT_EQ(array[1], 6'000);
}

TEST_P(ValueSuite, WhoHoldsTheLockMayCallAnything) {
  const Value<int> value(1);
  const std::scoped_lock guard(value);
  value.set(value.get() + 1);
  EXPECT_EQ(value.with([&](int& it) { return it + value.get(); }), 4);
  Party other = start([](const Value<int>& same) { ASSERT_FALSE(same.try_lock()); }, value);
  EXPECT_TRUE(other.join());
}

TEST_P(ValueSuite, WhatAFunctionThrowsLeavesTheLockFree) {
  const Value<int> value;
  const Array<int> array(2);
  const auto fail = [](auto&&) { throw std::runtime_error("no"); };
  EXPECT_THROW(value.with(fail), std::runtime_error);
  EXPECT_THROW(array.with(fail), std::runtime_error);
  Party other = start(
      [](const Value<int>& same_value, const Array<int>& same_array) {
        const std::scoped_lock guard(same_value, same_array);
      },
      value, array);
  EXPECT_TRUE(other.join());
}

TEST_P(ValueSuite, AFunctionMayGiveTheLockBackItself) {
  const Value<int> value;
  value.with([&](int&) { value.unlock(); });
  EXPECT_TRUE(start([](const Value<int>& same) { same.set(1); }, value).join());
  EXPECT_EQ(value.get(), 1);
}

SHOAL_FOR_EACH_HOME(ValueSuite);

// Handles as members, each with an initializer.
struct Counters {
  RawValue<int> raw{1};
  Value<int> locked{2};
  Array<int> array{3, 4};
  Atomic<int> atomic{5};
  Queue<int> queue{6};
  Semaphore semaphore{7};
};

TEST(ValueTest, MembersWithInitializersAreTheSameOnTheOtherSide) {
  const Counters counters;
  Writer writer;
  writer.put(counters);
  Reader reader(writer.bytes(), writer.descriptors());
  const auto same = reader.get<Counters>();
  EXPECT_EQ(&*same.raw, &*counters.raw);
  EXPECT_EQ(&*same.locked, &*counters.locked);
  EXPECT_EQ(same.array.data(), counters.array.data());
  same.atomic.store(8);
  same.queue.put(9);
  EXPECT_EQ(counters.atomic.load(), 8);
  EXPECT_EQ(counters.queue.get(), 9);
  EXPECT_EQ(same.semaphore.value(), 7U);
}

template <class Wanted, class Sent>
void expect_refused(const Sent& sent) {
  Writer writer;
  writer.put(sent);
  Reader reader(writer.bytes(), writer.descriptors());
  EXPECT_THROW(reader.get<Wanted>(), CodecError);
}

struct OtherPoint {
  int x;
  float y;
};

TEST(ValueTest, OfAnotherTypeIsRefused) {
  const Value<int> value;
  expect_refused<Value<float>>(value);
  expect_refused<Value<unsigned>>(value);
  expect_refused<Value<OtherPoint>>(Value<Point>());
  expect_refused<RawValue<int>>(value);
  expect_refused<Array<int>>(value);
  expect_refused<Lock>(value);
  expect_refused<Value<int>>(RLock());
  expect_refused<Array<long>>(Array<int>(3));
  expect_refused<RawArray<int>>(Array<int>(3));
}

TEST(ValueTest, HandlesOfOneAreTheSame) {
  const Array<int> array{1, 2, 3};
  Writer writer;
  writer.put(array);
  Reader reader(writer.bytes(), writer.descriptors());
  const auto same = reader.get<Array<int>>();
  EXPECT_EQ(same.data(), array.data());
  EXPECT_EQ(same.size(), 3U);
}

TEST(ValueTest, ElementsAreMadeAsContainersMakeThem) {
  struct Seven {
    int seven = 7;
  };
  const Array<Seven> sevens(3);
  EXPECT_EQ(sevens[2].seven, 7);
  const Array<int> fives(3, 5);
  EXPECT_TRUE(std::ranges::equal(fives, std::array{5, 5, 5}));
  const Array<int> of_list(std::list<short>{1, 2});
  EXPECT_TRUE(std::ranges::equal(of_list, std::array{1, 2}));
  std::istringstream text("1 2 3 4");
  const RawArray<int> of_stream{std::ranges::istream_view<int>(text)};
  EXPECT_TRUE(std::ranges::equal(of_stream, std::array{1, 2, 3, 4}));
  const Array<bool> of_bits(std::vector<bool>{true, false});
  EXPECT_TRUE(of_bits[0] && !of_bits[1]);
  const Array<int> none(0);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.begin(), none.end());
}

TEST(ValueTest, StrictAlignmentIsKept) {
  struct alignas(64) Line {
    char byte;
  };
  const Array<Line> lines(3);
  const Value<Line> line;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&lines[1]) % 64, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*line) % 64, 0U);
}

TEST(ValueTest, AnElementThatIsNotThereIsAnError) {
  const Array<int> array{1, 2, 3};
  EXPECT_EQ(array.at(2), 3);
  EXPECT_THROW(array.at(3), std::out_of_range);
}

TEST(ValueTest, MoreThanThereIsMemoryIsAnErrorAtOnce) {
  EXPECT_THROW(Array<int>(SIZE_MAX / 2), std::length_error);
  EXPECT_THROW(Array<int>(static_cast<std::size_t>(-1)), std::length_error);
  EXPECT_THROW(Array<char>(std::size_t{1} << 62), ResourceError);
  EXPECT_THROW(RawArray<char>(std::size_t{1} << 44), ResourceError);
}

TEST(ValueTest, ComesFromAContextToo) {
  const Context context = get_context(StartMethod::spawn);
  EXPECT_EQ(context.value<double>(3).get(), 3);
  EXPECT_EQ(context.raw_value<char>().get(), 0);
  EXPECT_EQ(context.array<int>({1, 2, 3})[2], 3);
  EXPECT_EQ(context.array<int>(3, 7)[2], 7);
  EXPECT_EQ(context.raw_array<int>(3).size(), 3U);
  EXPECT_EQ(context.raw_array<int>({4})[0], 4);
}

}  // namespace
}  // namespace shoal::test
