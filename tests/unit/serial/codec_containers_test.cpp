// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec_containers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <variant>

#include "shoal/error.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal {
namespace {

using test::round_trip;

template <class T>
class ContainerTest : public testing::Test {};
using Containers =
    testing::Types<std::vector<int>, std::vector<short>, std::deque<int>, std::list<int>,
                   std::forward_list<int>, std::set<int>, std::multiset<int>,
                   std::unordered_set<int>, std::unordered_multiset<int>>;
TYPED_TEST_SUITE(ContainerTest, Containers);

TYPED_TEST(ContainerTest, KeepsItsElements) {
  const TypeParam value{5, 3, 3, 1};
  EXPECT_EQ(round_trip(value), value);
}

TYPED_TEST(ContainerTest, KeepsItsEmptiness) { EXPECT_EQ(round_trip(TypeParam()), TypeParam()); }

template <class T>
class StringTest : public testing::Test {};
using Strings =
    testing::Types<std::string, std::wstring, std::u8string, std::u16string, std::u32string>;
TYPED_TEST_SUITE(StringTest, Strings);

TYPED_TEST(StringTest, KeepsItsCharacters) {
  TypeParam value(1000, 'a');
  value[500] = 0;
  EXPECT_TRUE(round_trip(value) == value);  // Debian's GoogleTest cannot print a std::u8string
  EXPECT_TRUE(round_trip(TypeParam()).empty());
}

template <class T>
class MapTest : public testing::Test {};
using Maps =
    testing::Types<std::map<int, std::string>, std::multimap<int, std::string>,
                   std::unordered_map<int, std::string>, std::unordered_multimap<int, std::string>>;
TYPED_TEST_SUITE(MapTest, Maps);

TYPED_TEST(MapTest, KeepsItsEntries) {
  const TypeParam value{{1, "one"}, {2, "two"}, {7, ""}};
  EXPECT_EQ(round_trip(value), value);
  EXPECT_EQ(round_trip(TypeParam()), TypeParam());
}

TEST(CodecContainersTest, KeepsSeveralValuesOfOneKey) {
  const std::multimap<int, int> value{{1, 3}, {1, 2}, {1, 1}};
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecContainersTest, RefusesAKeyTwiceInASet) {
  Writer writer;
  writer.put(std::vector<int>{4, 4});
  EXPECT_THROW(Reader(writer.bytes()).get<std::set<int>>(), CodecError);
  EXPECT_THROW(Reader(writer.bytes()).get<std::unordered_set<int>>(), CodecError);
}

TEST(CodecContainersTest, KeepsVectorsOfBool) {
  const std::vector<bool> value{true, false, true};
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecContainersTest, KeepsArrays) {
  const std::array<int, 3> raw{1, 2, 3};
  EXPECT_EQ(round_trip(raw), raw);
  const std::array<std::string, 2> strings{"a", "b"};
  EXPECT_EQ(round_trip(strings), strings);
  EXPECT_EQ((round_trip(std::array<int, 0>())), (std::array<int, 0>()));
}

TEST(CodecContainersTest, KeepsNestedContainers) {
  const std::map<std::string, std::vector<std::set<int>>> value{{"a", {{1}, {}}}, {"b", {}}};
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecContainersTest, KeepsContainersOfMoveOnlyValues) {
  std::vector<std::unique_ptr<int>> value;
  value.push_back(std::make_unique<int>(1));
  value.push_back(nullptr);
  const auto copy = round_trip(value);
  ASSERT_EQ(copy.size(), 2u);
  EXPECT_EQ(*copy[0], 1);
  EXPECT_EQ(copy[1], nullptr);
}

TEST(CodecContainersTest, CopiesNumbersWhole) {
  std::vector<double> value(10000);
  std::iota(value.begin(), value.end(), 0.5);
  Writer writer;
  writer.put(value);
  EXPECT_EQ(writer.bytes().size(), sizeof(std::uint64_t) + value.size() * sizeof(double));
  EXPECT_EQ(Reader(writer.bytes()).get<std::vector<double>>(), value);
}

TEST(CodecContainersTest, ReadsNumbersThatStandUnaligned) {
  std::vector<double> value(10000);
  std::iota(value.begin(), value.end(), 0.5);
  Writer writer;
  writer.put('x');
  writer.put(value);
  Reader reader(writer.bytes());
  reader.get<char>();
  EXPECT_EQ(reader.get<std::vector<double>>(), value);
  reader.finish();
}

TEST(CodecContainersTest, KeepsElementsThatAreWrittenAsNothing) {
  EXPECT_EQ(round_trip(std::vector<std::monostate>(1000)).size(), 1000u);
}

TEST(CodecContainersTest, RefusesToSendMoreOfThemThanCanBeReceived) {
  const std::vector<std::monostate> value((std::size_t{1} << 20) + 1);
  EXPECT_THROW(round_trip(value), CodecError);
}

}  // namespace
}  // namespace shoal
