// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <boost/describe/enum.hpp>
#include <random>

#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

enum class Kind { a, b };
BOOST_DESCRIBE_ENUM(Kind, a, b)

struct Point {
  int x;
  int y;
};

struct Tree {
  Kind kind;
  std::vector<Tree> children;
  std::unique_ptr<Tree> only;
};

struct Rich {
  bool flag;
  Kind kind;
  int array[3];
  std::string text;
  std::u32string wide;
  std::vector<double> numbers;
  std::vector<Point> points;
  std::vector<bool> bits;
  std::vector<std::string> words;
  std::vector<std::monostate> nothings;
  std::map<std::string, int> map;
  std::unordered_map<int, std::vector<std::string>> hashed;
  std::multimap<int, int> multi;
  std::set<std::string> set;
  std::deque<short> deque;
  std::list<std::optional<Point>> list;
  std::forward_list<long> forward;
  std::variant<int, std::string, std::vector<int>> variant;
  std::tuple<int, std::string> tuple;
  std::shared_ptr<std::string> shared;
  Tree tree;
  std::filesystem::path path;
  std::bitset<12> bitset;
  std::error_code code;
  std::array<std::string, 2> strings;
  std::chrono::nanoseconds time;
  long double real;
  std::priority_queue<int> priorities;
  std::stack<std::string> stack;
  std::valarray<float> valarray;
  std::chrono::year_month_day date;
  std::chrono::weekday_indexed weekday;
};

Rich make_rich() {
  Rich rich{};
  rich.flag = true;
  rich.kind = Kind::b;
  rich.text = "hello";
  rich.wide = U"wide";
  rich.numbers = {1.5, 2.5, 3.5};
  rich.points = {{1, 2}, {3, 4}};
  rich.bits = {true, false, true};
  rich.words = {"a", "", "long enough not to stand in the string itself"};
  rich.nothings.resize(5);
  rich.map = {{"a", 1}, {"b", 2}};
  rich.hashed = {{1, {"x", "y"}}, {2, {}}};
  rich.multi = {{1, 1}, {1, 2}};
  rich.set = {"s", "t"};
  rich.deque = {1, 2, 3};
  rich.list = {Point{1, 2}, std::nullopt};
  rich.forward = {1, 2};
  rich.variant = std::vector<int>{1, 2};
  rich.tuple = {1, "one"};
  rich.shared = std::make_shared<std::string>("shared");
  rich.tree = {Kind::a, {}, nullptr};
  rich.tree.children.push_back({Kind::b, {}, std::make_unique<Tree>()});
  rich.path = "/tmp";
  rich.bitset.set(11);
  rich.code = std::make_error_code(std::errc::timed_out);
  rich.strings = {"p", "q"};
  rich.priorities.push(3);
  rich.priorities.push(7);
  rich.stack.push("s");
  rich.valarray = {1, 2, 3};
  rich.date = std::chrono::year(2024) / 2 / 29;
  rich.weekday = std::chrono::Monday[2];
  return rich;
}

std::vector<std::byte> encode_rich() {
  Writer writer;
  writer.put(make_rich());
  return {writer.bytes().begin(), writer.bytes().end()};
}

// Decodes, or throws CodecError: any other exception fails the test, and a sanitizer sees the rest.
bool survives(std::span<const std::byte> bytes) {
  try {
    Reader reader(bytes);
    static_cast<void>(reader.get<Rich>());
    reader.finish();
    return true;
  } catch (const CodecError&) {
    return false;
  }
}

TEST(HostileBytesTest, TheRecordItselfIsRead) { EXPECT_TRUE(survives(encode_rich())); }

TEST(HostileBytesTest, EveryTruncationIsRefused) {
  const std::vector<std::byte> bytes = encode_rich();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees the first byte too many.
    const std::vector<std::byte> head(bytes.begin(), bytes.begin() + static_cast<long>(size));
    EXPECT_FALSE(survives(head)) << size << " of " << bytes.size() << " bytes";
  }
}

TEST(HostileBytesTest, EveryByteMayBeAnything) {
  std::vector<std::byte> bytes = encode_rich();
  for (std::byte& byte : bytes) {
    const std::byte kept = byte;
    for (const unsigned wild : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu}) {
      byte = static_cast<std::byte>(wild);
      EXPECT_NO_THROW(survives(bytes));
    }
    byte = kept;
  }
}

TEST(HostileBytesTest, RunsOfOnesAreRefusedOrRead) {
  const std::vector<std::byte> bytes = encode_rich();
  for (std::size_t first = 0; first + 8 <= bytes.size(); ++first) {
    std::vector<std::byte> wild = bytes;
    std::fill_n(wild.begin() + static_cast<long>(first), 8, std::byte{0xff});
    EXPECT_NO_THROW(survives(wild));
  }
}

TEST(HostileBytesTest, NoiseIsRefusedOrRead) {
  std::mt19937 random(7);
  std::uniform_int_distribution<unsigned> any_byte(0, 255);
  std::uniform_int_distribution<unsigned> any_count(1, 16);
  const std::vector<std::byte> bytes = encode_rich();
  std::uniform_int_distribution<std::size_t> any_place(0, bytes.size() - 1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> wild = bytes;
    for (unsigned i = any_count(random); i > 0; --i) {
      wild[any_place(random)] = static_cast<std::byte>(any_byte(random));
    }
    EXPECT_NO_THROW(survives(wild));
  }
}

TEST(HostileBytesTest, ABoolIsZeroOrOne) {
  const std::array bytes{std::byte{2}};
  EXPECT_THROW(Reader(bytes).get<bool>(), CodecError);
  EXPECT_THROW(Reader(bytes).get<std::optional<std::monostate>>(), CodecError);
}

TEST(HostileBytesTest, ABitsetHasNoBitsBeyondItsEnd) {
  const std::array bytes{std::byte{0xff}, std::byte{0x10}};
  EXPECT_THROW(Reader(bytes).get<std::bitset<12>>(), CodecError);
  EXPECT_TRUE(Reader(bytes).get<std::bitset<13>>().test(12));
}

// An optional is one byte at least, its value 4 KiB: the count alone must not reserve memory for
// it.
TEST(HostileBytesTest, ALargeElementDoesNotMultiplyTheMessage) {
  using Large = std::optional<std::array<std::byte, 4096>>;
  Writer writer;
  writer.put(std::uint64_t{1} << 22);
  for (std::size_t i = 0; i < (std::size_t{1} << 22); ++i) writer.put('\2');
  EXPECT_THROW(Reader(writer.bytes()).get<std::vector<Large>>(), CodecError);
}

}  // namespace
}  // namespace shoal
