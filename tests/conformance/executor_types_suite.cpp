// SPDX-License-Identifier: Apache-2.0
// Values of every kind as arguments and results: the four ways of users' types, and what carries
// descriptors, by submit and by map.

#include <fcntl.h>
#include <unistd.h>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <variant>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

// --- four ways to cross, and what is made of them ----------------------------------------------

// 1: a codec of its own; made by it only.
class Money {
 public:
  static Money of(long cents) { return Money(cents); }
  long cents() const { return cents_; }
  bool operator==(const Money&) const = default;

 private:
  friend struct Codec<Money>;
  explicit Money(long cents) : cents_(cents) {}
  long cents_;
};

// 2: shoal_fields.
class Account {
 public:
  Account() = default;
  explicit Account(std::string owner) : owner_(std::move(owner)) {}
  void pay(int amount) { payments_.push_back(amount); }
  bool operator==(const Account&) const = default;

 private:
  friend auto shoal_fields(Account& self) { return std::tie(self.owner_, self.payments_); }
  std::string owner_;
  std::vector<int> payments_;
};

// 3: BOOST_DESCRIBE_CLASS, with a base and an enum.
enum class Colour { red = 1, green = 2 };
BOOST_DESCRIBE_ENUM(Colour, red, green)

class Figure {
 public:
  bool operator==(const Figure&) const = default;
  Colour colour = Colour::red;

 private:
  BOOST_DESCRIBE_CLASS(Figure, (), (colour), (), ())
};

class Circle : public Figure {
 public:
  Circle() = default;
  explicit Circle(double radius) : radius_(radius) {}
  void grow() { radius_ *= 2; }
  bool operator==(const Circle&) const = default;

 private:
  double radius_ = 0;
  BOOST_DESCRIBE_CLASS(Circle, (Figure), (), (), (radius_))
};

}  // namespace
}  // namespace shoal::test

template <>
struct shoal::Codec<shoal::test::Money> {
  static void encode(Writer& writer, const test::Money& value) { writer.put(value.cents()); }
  static test::Money decode(Reader& reader) { return test::Money(reader.get<long>()); }
};

namespace shoal::test {
namespace {

// 4: an aggregate.
struct Point {
  int x;
  int y;
  bool operator==(const Point&) const = default;
};

struct Whole {
  Account account;
  std::vector<std::tuple<Money, Circle, Point>> parts;
  bool operator==(const Whole&) const = default;
};

class ExecutorTypesSuite : public ExecutorSuite {};

// `change(value)` in a worker, by submit and by map, is what it is here.
template <class T, class F>
void expect_same_elsewhere(ProcessPoolExecutor& pool, const T& value, F change) {
  const T expected = change(value);
  EXPECT_EQ(pool.submit(change, value).get(), expected);
  EXPECT_EQ(pool.submit(shoal::bind(change, value)).get(), expected);
  const std::vector<T> values(5, value);
  int count = 0;
  for (const T& changed : pool.map(change, values)) {
    EXPECT_EQ(changed, expected);
    ++count;
  }
  EXPECT_EQ(count, 5);
}

TEST_P(ExecutorTypesSuite, ATypeWithACodecCrosses) {
  ProcessPoolExecutor pool = make_pool(2);
  expect_same_elsewhere(pool, Money::of(250), [](Money m) { return Money::of(2 * m.cents()); });
}

TEST_P(ExecutorTypesSuite, ATypeWithShoalFieldsCrosses) {
  ProcessPoolExecutor pool = make_pool(2);
  expect_same_elsewhere(pool, Account("Ada"), [](Account account) {
    account.pay(5);
    return account;
  });
}

TEST_P(ExecutorTypesSuite, ADescribedTypeCrosses) {
  ProcessPoolExecutor pool = make_pool(2);
  expect_same_elsewhere(pool, Circle(2.5), [](Circle circle) {
    circle.grow();
    circle.colour = Colour::green;
    return circle;
  });
}

TEST_P(ExecutorTypesSuite, AnAggregateCrosses) {
  ProcessPoolExecutor pool = make_pool(2);
  expect_same_elsewhere(pool, Point{1, 2}, [](const Point& p) { return Point{p.y, p.x}; });
}

TEST_P(ExecutorTypesSuite, AnAggregateWhoseMembersGoFourWaysCrosses) {
  ProcessPoolExecutor pool = make_pool(2);
  const Whole whole{Account("Ada"), {{Money::of(1), Circle(1), {1, 2}}}};
  expect_same_elsewhere(pool, whole, [](Whole value) {
    value.parts.push_back(value.parts.front());
    return value;
  });
}

// --- the standard library's types --------------------------------------------------------------

struct Everything {
  std::u16string text;
  std::map<std::string, std::optional<std::variant<int, std::string>>> values;
  std::queue<int> queue;
  std::chrono::year_month_day date;
  std::shared_ptr<std::string> shared;
};

TEST_P(ExecutorTypesSuite, TheStandardLibrarysTypesCross) {
  using namespace std::chrono;
  ProcessPoolExecutor pool = make_pool(1);
  Everything sent{
      u"text", {{"a", 1}, {"b", "two"}, {"c", std::nullopt}}, {}, 2024y / March / 5, {}};
  sent.queue.push(3);
  sent.shared = std::make_shared<std::string>("shared");
  const Everything back = pool.submit(
                                  [](Everything e) {
                                    e.queue.push(4);
                                    e.date = sys_days(e.date) + days(1);
                                    *e.shared += '!';
                                    return e;
                                  },
                                  sent)
                              .get();
  EXPECT_EQ(back.text, sent.text);
  EXPECT_EQ(back.values, sent.values);
  EXPECT_EQ(back.queue.back(), 4);
  EXPECT_EQ(back.date, 2024y / March / 6);
  EXPECT_EQ(*back.shared, "shared!");
  EXPECT_EQ(*sent.shared, "shared");
}

struct Node {
  int value = 0;
  std::vector<Node> children;
};

int total(const Node& node) {
  int sum = node.value;
  for (const Node& child : node.children) sum += total(child);
  return sum;
}

Node chain(int length) {
  Node node;
  for (int i = 1; i < length; ++i) node = Node{1, {node}};
  return node;
}

TEST_P(ExecutorTypesSuite, ATypeWithinItselfCrossesUpToADepth) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(total, chain(64)).get(), 63);
  EXPECT_THROW(pool.submit(total, chain(65)), CodecError);
  EXPECT_THROW(pool.submit(chain, 65).get(), CodecError);
  EXPECT_EQ(pool.submit(total, Node{7, {}}).get(), 7);
}

// --- what cannot be copied, and what carries descriptors ---------------------------------------

struct Owner {
  std::string name;
  std::unique_ptr<int> value;
};

TEST_P(ExecutorTypesSuite, MembersThatCannotBeCopiedCross) {
  ProcessPoolExecutor pool = make_pool(1);
  auto grow = [](Owner owner) {
    ++*owner.value;
    return owner;
  };
  EXPECT_EQ(*pool.submit(grow, Owner{"a", std::make_unique<int>(4)}).get().value, 5);
  std::vector<Owner> owners;
  for (int i = 0; i < 3; ++i) owners.push_back({"b", std::make_unique<int>(i)});
  int expected = 1;
  for (const Owner& owner : pool.map(grow, owners)) EXPECT_EQ(*owner.value, expected++);
}

struct Station {
  std::string name;
  Connection line;
  std::optional<UniqueFd> file;
};

void answer(const Station& station) { station.line.send(station.name); }

TEST_P(ExecutorTypesSuite, ConnectionsCrossInsideValues) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [here, there] = pipe();
  pool.submit(answer, Station{"one", there, std::nullopt}).get();
  EXPECT_EQ(here.recv<std::string>(), "one");
  const std::vector<std::map<std::string, Connection>> maps(3, {{"line", there}});
  auto say = [](const std::map<std::string, Connection>& lines) { lines.at("line").send(5); };
  for ([[maybe_unused]] auto nothing : pool.map(say, maps)) EXPECT_EQ(here.recv<int>(), 5);
}

std::vector<UniqueFd> make_files(int count) {
  std::vector<UniqueFd> files;
  for (int i = 0; i < count; ++i) files.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  return files;
}

std::size_t count_open(const std::vector<UniqueFd>& files) {
  std::size_t count = 0;
  for (const UniqueFd& file : files) count += ::fcntl(file.get(), F_GETFD) >= 0;
  return count;
}

TEST_P(ExecutorTypesSuite, DescriptorsCrossInsideContainers) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(count_open, make_files(5)).get(), 5u);
  EXPECT_EQ(count_open(pool.submit(make_files, 5).get()), 5u);
  std::vector<std::vector<UniqueFd>> groups;
  for (int i = 1; i <= 3; ++i) groups.push_back(make_files(i));
  std::size_t expected = 1;
  for (std::size_t count : pool.map(count_open, groups)) EXPECT_EQ(count, expected++);
}

TEST_P(ExecutorTypesSuite, AClosedDescriptorIsRefusedByTheCaller) {
  ProcessPoolExecutor pool = make_pool(1);
  std::vector<UniqueFd> files = make_files(2);
  files[1].reset();
  EXPECT_THROW(pool.submit(count_open, files), Error);
  files.pop_back();
  EXPECT_EQ(pool.submit(count_open, files).get(), 1u);
}

// --- any executor ------------------------------------------------------------------------------

static_assert(Executor<ProcessPoolExecutor>);
static_assert(!Executor<int> && !Executor<Process> && !Executor<std::vector<int>>);

template <Executor E>
int sum_of_squares(E& executor, const std::vector<int>& values) {
  auto square = [](int n) { return n * n; };
  int sum = executor.submit(square, 0).get();
  for (int n : executor.map(square, values)) sum += n;
  return sum;
}

TEST_P(ExecutorTypesSuite, APoolIsAnExecutor) {
  ProcessPoolExecutor pool = make_pool(2);
  EXPECT_EQ(sum_of_squares(pool, {1, 2, 3}), 14);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorTypesSuite);

}  // namespace
}  // namespace shoal::test
