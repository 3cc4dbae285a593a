// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>

#include "shoal/error.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal {
namespace {

struct Temperature {
  explicit Temperature(double kelvin) : degrees(kelvin) {}
  double degrees;
};

// Made by its codec only.
class Ticket {
 public:
  static Ticket draw(int number) { return Ticket(number); }
  int number() const { return number_; }

 private:
  friend struct Codec<Ticket>;
  explicit Ticket(int number) : number_(number) {}
  int number_;
};

template <class T>
class Box {
 public:
  Box() = default;
  explicit Box(T value) : value_(std::make_unique<T>(std::move(value))) {}
  const T* get() const { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace
}  // namespace shoal

template <>
struct shoal::Codec<shoal::Ticket> {
  static constexpr std::size_t min_size = sizeof(int);
  static void encode(Writer& writer, const Ticket& value) { writer.put(value.number_); }
  static Ticket decode(Reader& reader) { return Ticket(reader.get<int>()); }
};

template <class T>
struct shoal::Codec<shoal::Box<T>> {
  static void encode(Writer& writer, const Box<T>& value) {
    writer.put(value.get() != nullptr);
    if (value.get() != nullptr) writer.put(*value.get());
  }
  static Box<T> decode(Reader& reader) {
    return reader.get<bool>() ? Box<T>(reader.get<T>()) : Box<T>();
  }
};

template <>
struct shoal::Codec<shoal::Temperature> {
  static void encode(Writer& writer, const Temperature& value) { writer.put(value.degrees); }
  static Temperature decode(Reader& reader) { return Temperature(reader.get<double>()); }
};

namespace shoal {
namespace {

using test::round_trip;

// --- aggregates --------------------------------------------------------------------------------

struct Point {
  int x;
  int y;
  bool operator==(const Point&) const = default;
};

struct Padded {
  char tag;
  double value;
  bool operator==(const Padded&) const = default;
};

struct Nothing {
  bool operator==(const Nothing&) const = default;
};

struct Node {
  std::string name;
  std::vector<Node> children;
  bool operator==(const Node&) const = default;
};

struct Chain {
  int value = 0;
  std::unique_ptr<Chain> next;
};

struct Arrays {
  char name[16];
  double matrix[2][3];
  std::string words[2];
  Point points[2];
  bool flags[3];
  int last;
  bool operator==(const Arrays&) const = default;
};

struct Constant {
  const int id;
  const std::string name;
  std::unique_ptr<int> owned;
};

struct Demanding {
  Temperature temperature;  // no default constructor
  std::unique_ptr<int> owned;
  std::vector<int> numbers;
};

struct Wide {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2,
      c3, c4, c5, c6, c7, c8, c9, d0, d1;
  std::string e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0,
      g1, g2, g3, g4, g5, g6, g7, g8, g9, h0;
  std::string last;
  bool operator==(const Wide&) const = default;
};

TEST(CodecTest, KeepsAggregates) {
  EXPECT_EQ(round_trip(Point{1, 2}), (Point{1, 2}));
  EXPECT_EQ(round_trip(Padded{'a', 2.5}), (Padded{'a', 2.5}));
  EXPECT_EQ(round_trip(Nothing()), Nothing());
}

TEST(CodecTest, CopiesAggregatesOfNumbersWhole) {
  Writer writer;
  writer.put(std::vector<Point>(100, Point{1, 2}));
  EXPECT_EQ(writer.bytes().size(), sizeof(std::uint64_t) + 100 * sizeof(Point));
  EXPECT_EQ(Reader(writer.bytes()).get<std::vector<Point>>(), std::vector<Point>(100, Point{1, 2}));
}

TEST(CodecTest, WritesNoPadding) {
  Writer writer;
  writer.put(Padded{'a', 2.5});
  EXPECT_EQ(writer.bytes().size(), sizeof(char) + sizeof(double));
}

TEST(CodecTest, KeepsRecursiveAggregates) {
  const Node tree{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}};
  EXPECT_EQ(round_trip(tree), tree);
}

TEST(CodecTest, KeepsCArraysInAggregates) {
  const Arrays value{"name",           {{1, 2, 3}, {4, 5, 6}}, {"a", "b"},
                     {{1, 2}, {3, 4}}, {true, false, true},    7};
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecTest, KeepsConstMembers) {
  const Constant copy = round_trip(Constant{3, "three", std::make_unique<int>(4)});
  EXPECT_EQ(copy.id, 3);
  EXPECT_EQ(copy.name, "three");
  EXPECT_EQ(*copy.owned, 4);
}

TEST(CodecTest, KeepsMembersWithoutDefault) {
  const Demanding copy = round_trip(Demanding{Temperature(20), std::make_unique<int>(4), {1, 2}});
  EXPECT_EQ(copy.temperature.degrees, 20);
  EXPECT_EQ(*copy.owned, 4);
  EXPECT_EQ(copy.numbers.size(), 2u);
}

// What `{}` does not make, an initializer may.
struct Initialized {
  Temperature temperature{20};
  int number = 3;
};

TEST(CodecTest, KeepsAFirstMemberThatHasAnInitializerAlone) {
  EXPECT_EQ(internal::count_members<Initialized>(), 2u);
  const Initialized copy = round_trip(Initialized{Temperature(30), 4});
  EXPECT_EQ(copy.temperature.degrees, 30);
  EXPECT_EQ(copy.number, 4);
}

TEST(CodecTest, KeepsAggregatesOf64Members) {
  ASSERT_EQ(internal::count_members<Wide>(), 64u);
  Wide value{};
  value.a0 = 1;
  value.e0 = "first";
  value.last = "last";
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecTest, CountsMembersOfEveryKind) {
  EXPECT_EQ(internal::count_members<Nothing>(), 0u);
  EXPECT_EQ(internal::count_members<Arrays>(), 6u);
  EXPECT_EQ(internal::count_members<Constant>(), 3u);
  EXPECT_EQ(internal::count_members<Demanding>(), 3u);
}

// --- specialisation ----------------------------------------------------------------------------

TEST(CodecTest, UsesASpecialisation) {
  EXPECT_EQ(round_trip(Temperature(300)).degrees, 300);
  EXPECT_EQ(round_trip(std::vector{Temperature(1), Temperature(2)})[1].degrees, 2);
}

TEST(CodecTest, ACodecMayUseAPrivateConstructor) {
  EXPECT_EQ(round_trip(Ticket::draw(7)).number(), 7);
  EXPECT_EQ(round_trip(std::vector{Ticket::draw(1), Ticket::draw(2)})[1].number(), 2);
}

TEST(CodecTest, ATemplateOfClassesMayHaveACodec) {
  EXPECT_EQ(*round_trip(Box<std::string>("inside")).get(), "inside");
  EXPECT_EQ(*round_trip(Box<Box<int>>(Box<int>(5))).get()->get(), 5);
  EXPECT_EQ(round_trip(Box<int>()).get(), nullptr);
}

struct Nested {
  Box<Nested> next;
};

TEST(CodecTest, TypesWithCodecsOfTheirOwnNestAsDeepAsContainers) {
  Writer writer;
  for (int i = 0; i < 1'000'000; ++i) writer.put(true);
  writer.put(false);
  EXPECT_THROW(Reader(writer.bytes()).get<Nested>(), CodecError);
  Nested value;
  for (int i = 0; i < 63; ++i) value = Nested{Box<Nested>(std::move(value))};
  EXPECT_NO_THROW(round_trip(value));
  value = Nested{Box<Nested>(std::move(value))};
  EXPECT_THROW(round_trip(value), CodecError);
}

// --- shoal_fields ------------------------------------------------------------------------------

class Account {
 public:
  Account() = default;
  Account(std::string owner, long balance) : owner_(std::move(owner)), balance_(balance) {}
  bool operator==(const Account&) const = default;

 private:
  friend auto shoal_fields(Account& self) {
    return std::tie(self.owner_, self.balance_, self.log_);
  }

  std::string owner_;
  long balance_ = 0;
  int log_[2] = {1, 2};
};

class Savings : public Account {
 public:
  double interest = 0;
};

TEST(CodecTest, UsesShoalFields) {
  EXPECT_EQ(round_trip(Account("me", 5)), Account("me", 5));
  static_assert(!is_transferable_v<Savings>, "the base's fields are not the whole of it");
}

// --- BOOST_DESCRIBE_CLASS ----------------------------------------------------------------------

class Shape {
 public:
  virtual ~Shape() = default;
  bool operator==(const Shape&) const = default;
  int id = 0;

 private:
  BOOST_DESCRIBE_CLASS(Shape, (), (id), (), ())
};

class Circle : public Shape {
 public:
  Circle() = default;
  explicit Circle(double radius) : radius_(radius) {}
  bool operator==(const Circle&) const = default;

 private:
  double radius_ = 0;
  BOOST_DESCRIBE_CLASS(Circle, (Shape), (), (), (radius_))
};

struct Undescribed {
  int x = 0;
};
struct HalfDescribed : Undescribed {
  HalfDescribed() = default;
  int y = 0;
};
BOOST_DESCRIBE_STRUCT(HalfDescribed, (Undescribed), (y))

TEST(CodecTest, UsesBoostDescribe) {
  Circle circle(2.5);
  circle.id = 9;
  EXPECT_EQ(round_trip(circle), circle);
}

TEST(CodecTest, RefusesADescribedClassWithABaseThatIsNot) {
  EXPECT_FALSE(is_transferable_v<HalfDescribed>);
}

// --- order -------------------------------------------------------------------------------------

struct Ordered {
  int kept = 1;
  int dropped = 2;
  friend auto shoal_fields(Ordered& self) { return std::tie(self.kept); }
};

TEST(CodecTest, PrefersShoalFieldsToTheAggregate) {
  const Ordered copy = round_trip(Ordered{5, 6});
  EXPECT_EQ(copy.kept, 5);
  EXPECT_EQ(copy.dropped, 2);
}

// --- depth -------------------------------------------------------------------------------------

Chain make_chain(int length) {
  Chain chain;
  for (int i = 1; i < length; ++i) {
    auto next = std::make_unique<Chain>(std::move(chain));
    chain = Chain{i, std::move(next)};
  }
  return chain;
}

TEST(CodecTest, KeepsWhatIsNested64Deep) { EXPECT_EQ(round_trip(make_chain(64)).value, 63); }

TEST(CodecTest, RefusesToSendWhatIsNestedDeeper) {
  EXPECT_THROW(round_trip(make_chain(65)), CodecError);
}

TEST(CodecTest, RefusesToReadWhatIsNestedDeeper) {
  Writer writer;
  for (int i = 0; i < 100; ++i) {
    writer.put(i);
    writer.put(true);
  }
  EXPECT_THROW(Reader(writer.bytes()).get<Chain>(), CodecError);
}

}  // namespace
}  // namespace shoal
