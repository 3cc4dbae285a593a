// SPDX-License-Identifier: Apache-2.0
// Bytes as a value of one of many types. What decodes must encode, and decode to the same; what
// does not must throw CodecError, and nothing else. Exceptions travel by bytes of their own.
#include <bitset>
#include <boost/describe/enum.hpp>
#include <chrono>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <shoal/codec.hpp>
#include <shoal/error.hpp>
#include <stack>
#include <string>
#include <tuple>
#include <unordered_map>
#include <valarray>
#include <variant>
#include <vector>

#include "fuzz/dice.hpp"
#include "serial/exception_codec.hpp"

namespace shoal::fuzz {
namespace {

enum class Kind { a, b, c };
BOOST_DESCRIBE_ENUM(Kind, a, b, c)

struct Point {
  int x;
  double y;
};

struct Tree {
  Kind kind;
  std::vector<Tree> children;
  std::unique_ptr<Tree> only;
};

using Json = std::variant<std::monostate, bool, double, std::string, std::vector<Point>,
                          std::map<std::string, std::vector<std::string>>>;

struct Record {
  bool flag;
  Kind kind;
  int array[3];
  std::string text;
  std::u32string wide;
  std::vector<bool> bits;
  std::vector<std::monostate> nothings;
  std::map<std::string, Json> fields;
  std::multimap<int, Point> multi;
  std::set<std::string> set;
  std::deque<short> deque;
  std::list<std::optional<Point>> list;
  std::forward_list<long> forward;
  std::tuple<int, std::string, Json> tuple;
  std::shared_ptr<std::string> shared;
  std::filesystem::path path;
  std::bitset<12> bitset;
  std::error_code code;
  std::array<std::string, 2> strings;
  long double real;
  std::stack<std::string> stack;
  std::valarray<float> valarray;
};

struct Times {
  std::chrono::nanoseconds span;
  std::chrono::system_clock::time_point point;
  std::chrono::year_month_day date;
  std::chrono::weekday_indexed weekday;
  std::chrono::month_day month_day;
  std::vector<std::chrono::year_month> months;
};

using Deep = std::vector<std::vector<std::optional<std::vector<std::map<int, std::string>>>>>;
using Large = std::vector<std::optional<std::array<std::byte, 4096>>>;

std::vector<std::byte> bytes_of(const Writer& writer) {
  return {writer.bytes().begin(), writer.bytes().end()};
}

template <class T>
std::vector<std::byte> encoded(const T& value) {
  Writer writer;
  writer.put(value);
  return bytes_of(writer);
}

template <class T>
T decoded(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  T value = reader.get<T>();
  reader.finish();
  return value;
}

// The bytes of two equal values are equal, whatever a NaN says of itself.
template <class T>
void go_round(std::span<const std::byte> bytes) {
  const std::vector<std::byte> once = encoded(decoded<T>(bytes));
  require(encoded(decoded<T>(once)) == once, "what decodes is encoded and decoded to the same");
}

// Their order in the bytes depends on the order in which they were put in.
void go_round_hashed(std::span<const std::byte> bytes) {
  using Hashed = std::unordered_map<std::string, std::vector<int>>;
  const auto value = decoded<Hashed>(bytes);
  require(decoded<Hashed>(encoded(value)) == value, "a hashed map comes back");
}

std::string raised(std::span<const std::byte> bytes) {
  try {
    Reader reader(bytes);
    serial::throw_exception(reader, "a task");
  } catch (const std::exception& error) {
    return error.what();
  }
}

// An exception that came may be thrown on to the next process.
void throw_on(std::span<const std::byte> bytes) {
  Writer writer;
  try {
    Reader reader(bytes);
    serial::throw_exception(reader, "a task");
  } catch (const CodecError&) {
    throw;
  } catch (...) {
    serial::encode_exception(writer, std::current_exception(), {});
  }
  require(raised(writer.bytes()) == raised(writer.bytes()), "it is thrown alike at each call");
}

constexpr void (*kWays[])(std::span<const std::byte>) = {
    go_round<Record>, go_round<Tree>,  go_round<Json>,  go_round<Times>,
    go_round<Deep>,   go_round<Large>, go_round_hashed, throw_on,
};

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  shoal::fuzz::Dice dice(data, size);
  const auto way = shoal::fuzz::kWays[dice.pick(std::size(shoal::fuzz::kWays))];
  const std::span<const std::byte> rest = dice.rest();
  // Of its own, so that AddressSanitizer sees the first byte too many, also before the first.
  const std::vector<std::byte> bytes(rest.begin(), rest.end());
  try {
    way(bytes);
  } catch (const shoal::CodecError&) {
  }
  return 0;
}
