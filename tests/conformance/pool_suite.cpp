// SPDX-License-Identifier: Apache-2.0
// The Pool of Python's multiprocessing.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {

// A value that cannot be sent.
struct Unsendable {
  int number = 0;
};

}  // namespace shoal::test

template <>
struct shoal::Codec<shoal::test::Unsendable> {
  static void encode(Writer&, const test::Unsendable&) { throw CodecError("unsendable"); }
  static test::Unsendable decode(Reader& reader) { return {reader.get<int>()}; }
};

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class PoolSuite : public testing::TestWithParam<StartMethod> {
 protected:
  static Pool make_pool(unsigned workers) {
    return Pool{{.max_workers = workers, .context = get_context(GetParam())}};
  }
};
class PoolMapSuite : public PoolSuite {};

int square(int n) { return n * n; }
int multiply(int a, int b) { return a * b; }
int fail_at_three(int n) {
  if (n == 3) throw std::out_of_range("three");
  return n;
}
int wait_for_word(Connection line) { return line.recv<int>(); }
int large_failure(int n) {
  if (n % 2 == 0) throw std::runtime_error(std::string(1U << 16, 'x'));
  return n;
}
Unsendable make_unsendable(int n) { return {n}; }
int number_of(const Unsendable& value) { return value.number; }
void sleep_long(int) { std::this_thread::sleep_for(1h); }
int pool_in_here() {
  Pool pool{2};
  int sum = 0;
  for (const int n : pool.map(square, std::vector{1, 2, 3})) sum += n;
  return sum;
}

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}
std::vector<int> squares(int count) {
  std::vector<int> values = iota(count);
  for (int& n : values) n = square(n);
  return values;
}

// Numbers, of which one cannot be read.
auto numbers_up_to(int bad) {
  return std::views::iota(0, 100) | std::views::transform([bad](int n) {
           if (n == bad) throw std::logic_error("the input fails");
           return n;
         });
}

TEST_P(PoolSuite, ApplyGivesTheResult_88) {
  Pool pool = make_pool(1);
  EXPECT_EQ(pool.apply(square, 5), 25);
  EXPECT_EQ(pool.apply(shoal::bind(multiply, 3), 4), 12);
  pool.apply([](int) {}, 1);
  EXPECT_THROW(pool.apply(fail_at_three, 3), std::out_of_range);
}

TEST_P(PoolSuite, CallbacksAreCalledOnce_91) {
  Pool pool = make_pool(1);
  std::promise<int> value;
  std::promise<std::exception_ptr> error;
  std::promise<std::vector<int>> values;
  pool.apply_async({.callback = [&](int n) { value.set_value(n); },
                    .error_callback = [](const std::exception_ptr&) { FAIL(); }},
                   square, 7);
  pool.apply_async({.callback = [](int) { FAIL(); },
                    .error_callback = [&](const std::exception_ptr& e) { error.set_value(e); }},
                   fail_at_three, 3);
  pool.map_async({.callback = [&](std::vector<int> all) { values.set_value(std::move(all)); }},
                 square, iota(100));
  EXPECT_EQ(value.get_future().get(), 49);
  EXPECT_THROW(std::rethrow_exception(error.get_future().get()), std::out_of_range);
  EXPECT_EQ(values.get_future().get(), squares(100));
  pool.close();
  pool.join();
}

TEST_P(PoolSuite, JoinWaitsForWhatIsCalledBack_91) {
  Pool pool = make_pool(2);
  std::atomic<int> count = 0;
  for (int n = 0; n < 50; ++n) {
    pool.apply_async({.callback = [&](int) { ++count; }}, square, n);
  }
  pool.apply_async(ApplyOptions<void>{.callback = [&] { ++count; }}, [] {});
  pool.close();
  pool.join();
  EXPECT_EQ(count, 51);
}

TEST_P(PoolSuite, ArgumentsThatCannotBeSentThrowAtOnce_92) {
  Pool pool = make_pool(1);
  EXPECT_THROW(pool.apply(number_of, Unsendable{}), CodecError);
  EXPECT_THROW(pool.map(number_of, std::vector<Unsendable>(3)), CodecError);
  EXPECT_EQ(pool.apply(square, 2), 4);
}

TEST_P(PoolSuite, AsyncResultsTellHowFarTheyAre_95) {
  Pool pool = make_pool(1);
  auto [here, there] = pipe();
  AsyncResult<int> result = pool.apply_async(wait_for_word, there);
  EXPECT_FALSE(result.ready());
  EXPECT_THROW(result.successful(), std::logic_error);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(result.get(20ms), TimeoutError);
  EXPECT_FALSE(result.wait(1ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 21ms);
  here.send(4);
  EXPECT_EQ(result.get(), 4);
  EXPECT_EQ(result.get(0s), 4);
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  AsyncResult<int> failed = pool.apply_async(fail_at_three, 3);
  EXPECT_TRUE(failed.wait());
  EXPECT_FALSE(failed.successful());
  EXPECT_THROW(failed.get(), std::out_of_range);
}

TEST_P(PoolSuite, TheNumberOfWorkersIsChecked_99) {
  EXPECT_THROW(make_pool(0), std::invalid_argument);
  EXPECT_THROW(make_pool(static_cast<unsigned>(-1)), std::invalid_argument);
  Pool pool = get_context(GetParam()).pool(3);
  EXPECT_EQ(pool.stats().workers, 3U);
}

TEST_P(PoolSuite, TerminateEndsWhatRunsAndCancelsTheRest_100) {
  Pool pool = make_pool(2);
  std::vector<AsyncResult<void>> results;
  for (int n = 0; n < 10'000; ++n) results.push_back(pool.apply_async(sleep_long, n));
  pool.terminate();
  pool.join();
  for (const AsyncResult<void>& result : results) {
    ASSERT_TRUE(result.ready());
    ASSERT_FALSE(result.successful());
  }
  EXPECT_THROW(results.back().get(), CancelledError);
}

TEST_P(PoolSuite, TheDestructorTerminates_101) {
  std::optional<Pool> pool = make_pool(1);
  AsyncResult<void> running = pool->apply_async(sleep_long, 0);
  AsyncResult<int> queued = pool->apply_async(square, 0);
  pool.reset();
  EXPECT_TRUE(running.ready());
  EXPECT_THROW(queued.get(), CancelledError);
}

TEST_P(PoolSuite, NothingIsTakenAfterClose_101) {
  Pool pool = make_pool(1);
  EXPECT_THROW(pool.join(), std::logic_error);
  pool.close();
  EXPECT_THROW(pool.apply(square, 1), PoolClosedError);
  EXPECT_THROW(pool.map_async(square, iota(3)), PoolClosedError);
  EXPECT_THROW(pool.imap(square, iota(3)), PoolClosedError);
  pool.join();
}

TEST_P(PoolSuite, CloseRunsWhatWasSubmitted) {
  Pool pool = make_pool(2);
  AsyncResult<std::vector<int>> result = pool.map_async(square, iota(1'000));
  pool.close();
  pool.join();
  EXPECT_TRUE(result.ready());
  EXPECT_EQ(result.get(), squares(1'000));
}

TEST_P(PoolSuite, ResultsThatCannotBeSentCostNoWorker_107) {
  Pool pool = make_pool(1);
  for (int n = 0; n < 20; ++n) EXPECT_THROW(pool.apply(make_unsendable, n), CodecError);
  EXPECT_EQ(pool.stats().restarted, 0U);
}

TEST_P(PoolSuite, APoolLivesInAChildProcess_114) {
  auto [here, there] = pipe();
  Process child{ProcessOptions{.context = get_context(GetParam())},
                [](Connection line) { line.send(pool_in_here()); }, there};
  child.start();
  EXPECT_EQ(here.recv<int>(), 14);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(PoolSuite, PoolsLeaveNothingBehind) {
  make_pool(1).apply(square, 1);
  const LeakGuard guard;
  for (int i = 0; i < 5; ++i) {
    Pool pool = make_pool(2);
    EXPECT_EQ(pool.map(square, iota(100)), squares(100));
    pool.map_async(square, iota(10'000));  // nobody asks for it
    auto results = pool.imap_unordered(square, std::views::iota(0));
    EXPECT_GE(*results.begin(), 0);
  }
}

TEST_P(PoolSuite, AMovedPoolGoesOn) {
  Pool first = make_pool(1);
  Pool second = std::move(first);
  EXPECT_EQ(second.apply(square, 2), 4);
  EXPECT_THROW(first.apply(square, 2), std::logic_error);
  second = make_pool(1);
  EXPECT_EQ(second.apply(square, 3), 9);
}

TEST_P(PoolMapSuite, MapEqualsASerialMap_89) {
  Pool pool = make_pool(2);
  EXPECT_EQ(pool.map(square, iota(10)), squares(10));
  EXPECT_EQ(pool.map(square, iota(100), 20), squares(100));
  EXPECT_EQ(pool.map([](int) {}, iota(3)), std::vector<std::monostate>(3));
}

TEST_P(PoolMapSuite, StarmapGivesTheMembersAsArguments_90) {
  Pool pool = make_pool(2);
  std::vector<std::pair<int, int>> pairs;
  std::vector<std::tuple<int, int>> tuples;
  for (int n = 0; n < 100; ++n) {
    pairs.emplace_back(n, n);
    tuples.emplace_back(n, n);
  }
  EXPECT_EQ(pool.starmap(multiply, pairs), squares(100));
  EXPECT_EQ(pool.starmap(multiply, tuples, 20), squares(100));
  EXPECT_EQ(pool.starmap_async(multiply, pairs).get(), squares(100));
  EXPECT_EQ(pool.map_async(square, iota(100), 7).get(), squares(100));
}

TEST_P(PoolMapSuite, OfNothingIsNothing_93) {
  Pool pool = make_pool(1);
  EXPECT_TRUE(pool.map(square, iota(0), 1).empty());
  AsyncResult<std::vector<int>> result = pool.map_async(square, iota(0));
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  EXPECT_TRUE(result.get().empty());
  for (const int n : pool.imap(square, iota(0))) FAIL() << n;
  for (const int n : pool.imap_unordered(square, iota(0))) FAIL() << n;
}

TEST_P(PoolMapSuite, AnInputThatThrowsIsNoTask_94) {
  Pool pool = make_pool(2);
  for (const int bad : {0, 0, 4, 4}) {
    EXPECT_THROW(pool.map(square, numbers_up_to(bad)), std::logic_error);
  }
  EXPECT_EQ(pool.map(square, iota(5)), squares(5));
}

TEST_P(PoolMapSuite, ImapGivesResultsInOrder_96) {
  Pool pool = make_pool(2);
  for (const std::size_t chunksize : {0U, 1U, 100U}) {
    int n = 0;
    for (const int value : pool.imap(square, iota(1'000), chunksize)) {
      ASSERT_EQ(value, n * n);
      ++n;
    }
    EXPECT_EQ(n, 1'000);
  }
}

TEST_P(PoolMapSuite, ImapOfAnInputThatThrowsGivesThePrefix_97) {
  Pool pool = make_pool(2);
  for (const int bad : {0, 4, 30}) {
    auto results = pool.imap(square, numbers_up_to(bad));
    auto at = results.begin();
    for (int n = 0; n < bad; ++n, ++at) EXPECT_EQ(*at, n * n);
    EXPECT_THROW(*at, std::logic_error);
    EXPECT_TRUE(++at == results.end());
  }
}

TEST_P(PoolMapSuite, ImapUnorderedGivesTheSame_98) {
  Pool pool = make_pool(2);
  for (const std::size_t chunksize : {0U, 1U, 53U}) {
    std::vector<int> values;
    for (const int value : pool.imap_unordered(square, iota(3'000), chunksize)) {
      values.push_back(value);
    }
    std::ranges::sort(values);
    EXPECT_EQ(values, squares(3'000));
  }
}

TEST_P(PoolMapSuite, ImapUnorderedGivesWhatEndsFirst_98) {
  Pool pool = make_pool(2);
  auto [here, there] = pipe();
  auto [quick_here, quick] = pipe();
  quick_here.send(2);
  std::vector<Connection> lines{there, quick};
  auto results = pool.imap_unordered(wait_for_word, lines, 1);
  auto at = results.begin();
  EXPECT_EQ(*at, 2);
  here.send(1);
  ++at;
  EXPECT_EQ(*at, 1);
  EXPECT_TRUE(++at == results.end());
}

TEST_P(PoolMapSuite, ImapUnorderedThrowsWhatElementsThrow_98) {
  Pool pool = make_pool(2);
  auto results = pool.imap_unordered(fail_at_three, numbers_up_to(50));
  int values = 0;
  int failures = 0;
  for (auto at = results.begin(); at != results.end(); ++at) {
    try {
      static_cast<void>(*at);
      ++values;
    } catch (const std::logic_error&) {  // an element's, the input's
      ++failures;
    }
  }
  EXPECT_EQ(values, 49);
  EXPECT_EQ(failures, 2);
}

TEST_P(PoolMapSuite, StreamsHaveNoEnd) {
  Pool pool = make_pool(2);
  int n = 0;
  for (const int value : pool.imap(square, std::views::iota(0))) {
    ASSERT_EQ(value, n * n);
    if (++n == 20'000) break;
  }
  long sum = 0;
  n = 0;
  for (const int value : pool.imap_unordered([](int) { return 1; }, std::views::iota(0))) {
    sum += value;
    if (++n == 20'000) break;
  }
  EXPECT_EQ(sum, 20'000);
}

TEST_P(PoolMapSuite, MapWaitsForAllBeforeItThrows_103) {
  Pool pool = make_pool(2);
  EXPECT_THROW(pool.map(fail_at_three, iota(1'000)), std::out_of_range);
  EXPECT_EQ(pool.stats().running, 0U);
  EXPECT_EQ(pool.stats().queued, 0U);
  EXPECT_EQ(pool.stats().completed, 999U);
  EXPECT_THROW(pool.map(large_failure, iota(16)), std::runtime_error);
  pool.close();
  pool.join();
}

TEST_P(PoolMapSuite, ErrorCallbacksGetTheElementsException_106) {
  Pool pool = make_pool(2);
  std::promise<std::exception_ptr> error;
  AsyncResult<std::vector<int>> result =
      pool.map_async({.error_callback = [&](const std::exception_ptr& e) { error.set_value(e); }},
                     fail_at_three, iota(100));
  EXPECT_THROW(std::rethrow_exception(error.get_future().get()), std::out_of_range);
  EXPECT_FALSE(result.successful());
  EXPECT_THROW(result.get(), std::out_of_range);
  EXPECT_THROW(result.get(), std::out_of_range);
}

SHOAL_FOR_EACH_START_METHOD(PoolSuite);
SHOAL_FOR_EACH_START_METHOD(PoolMapSuite);

}  // namespace
}  // namespace shoal::test
