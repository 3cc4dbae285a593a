// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec_values.hpp"

#include <gtest/gtest.h>

#include <boost/describe/enum.hpp>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <numbers>

#include "shoal/error.hpp"
#include "support/leak_guard.hpp"
#include "unit/serial/open_null.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal {
namespace {

using test::round_trip;

enum class Colour : std::uint8_t { red = 1, green = 2 };
enum Plain { one = 1, two = 2 };

enum class Listed { low = -1, high = 7 };
BOOST_DESCRIBE_ENUM(Listed, low, high)

template <class T>
class NumberTest : public testing::Test {};
using Numbers = testing::Types<char, signed char, unsigned char, wchar_t, char8_t, char16_t,
                               char32_t, short, unsigned short, int, unsigned, long, unsigned long,
                               long long, unsigned long long, float, double, long double>;
TYPED_TEST_SUITE(NumberTest, Numbers);

TYPED_TEST(NumberTest, KeepsItsExtremes) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam value : {Limits::lowest(), Limits::min(), TypeParam{0}, Limits::max()}) {
    EXPECT_EQ(round_trip(value), value);
  }
}

TEST(CodecValuesTest, KeepsNotANumber) {
  EXPECT_TRUE(std::isnan(round_trip(std::nan(""))));
  EXPECT_EQ(round_trip(-std::numeric_limits<double>::infinity()),
            -std::numeric_limits<double>::infinity());
}

TEST(CodecValuesTest, WritesNoPaddingOfALongDouble) {
  std::array<Writer, 2> writers;
  for (Writer& writer : writers) writer.put(std::numbers::pi_v<long double>);
  const auto first = writers[0].bytes();
  const auto second = writers[1].bytes();
  EXPECT_TRUE(std::equal(first.begin(), first.end(), second.begin(), second.end()));
}

TEST(CodecValuesTest, KeepsBools) {
  EXPECT_TRUE(round_trip(true));
  EXPECT_FALSE(round_trip(false));
}

TEST(CodecValuesTest, KeepsEnums) {
  EXPECT_EQ(round_trip(Colour::green), Colour::green);
  EXPECT_EQ(round_trip(two), two);
  EXPECT_EQ(round_trip(Listed::low), Listed::low);
  EXPECT_EQ(round_trip(std::byte{200}), std::byte{200});
}

TEST(CodecValuesTest, RefusesAnUnlistedEnumerator) {
  Writer writer;
  writer.put(3);
  try {
    Reader(writer.bytes()).get<Listed>();
    FAIL() << "3 was taken for a Listed";
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("Listed"), std::string::npos) << error.what();
  }
}

TEST(CodecValuesTest, KeepsPairsAndTuples) {
  const std::pair pair{std::string("a"), 2};
  EXPECT_EQ(round_trip(pair), pair);
  const std::tuple<int, std::string, std::tuple<double>> tuple{1, "two", {3.0}};
  EXPECT_EQ(round_trip(tuple), tuple);
  EXPECT_EQ(round_trip(std::tuple<>()), std::tuple<>());
}

TEST(CodecValuesTest, KeepsOptionals) {
  EXPECT_EQ(round_trip(std::optional<int>(5)), 5);
  EXPECT_EQ(round_trip(std::optional<int>()), std::nullopt);
  const std::optional<std::optional<int>> inner_empty{std::optional<int>()};
  EXPECT_EQ(round_trip(inner_empty), inner_empty);
}

TEST(CodecValuesTest, KeepsVariants) {
  using Variant = std::variant<std::monostate, int, std::string, int>;
  EXPECT_EQ(round_trip(Variant()), Variant());
  EXPECT_EQ(round_trip(Variant(std::in_place_index<2>, "x")).index(), 2u);
  EXPECT_EQ(round_trip(Variant(std::in_place_index<3>, 9)), Variant(std::in_place_index<3>, 9));
}

TEST(CodecValuesTest, RefusesAnAlternativeThatIsNot) {
  Writer writer;
  writer.put(std::uint32_t{2});
  EXPECT_THROW((Reader(writer.bytes()).get<std::variant<int, double>>()), CodecError);
}

TEST(CodecValuesTest, RefusesToSendAVariantWithoutValue) {
  struct Throws {
    operator std::map<int, int>() const { throw 1; }
  };
  std::variant<double, std::map<int, int>> broken;
  EXPECT_THROW(broken.emplace<1>(Throws()), int);
  ASSERT_TRUE(broken.valueless_by_exception());
  EXPECT_THROW(round_trip(broken), CodecError);
}

TEST(CodecValuesTest, KeepsWhatOwningPointersOwn) {
  EXPECT_EQ(*round_trip(std::make_unique<std::string>("x")), "x");
  EXPECT_EQ(round_trip(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(*round_trip(std::make_shared<const int>(3)), 3);
  EXPECT_EQ(round_trip(std::shared_ptr<int>()), nullptr);
}

TEST(CodecValuesTest, KeepsComplexNumbers) {
  EXPECT_EQ(round_trip(std::complex<double>(1, -2)), std::complex<double>(1, -2));
  EXPECT_EQ(round_trip(std::complex<long double>(1, -2)), std::complex<long double>(1, -2));
}

TEST(CodecValuesTest, KeepsTimes) {
  using namespace std::chrono_literals;
  EXPECT_EQ(round_trip(1500ms), 1500ms);
  EXPECT_EQ(round_trip(std::chrono::duration<double>(0.5)).count(), 0.5);
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(round_trip(now), now);
}

TEST(CodecValuesTest, KeepsBitsets) {
  const std::bitset<11> bits("10000000011");
  EXPECT_EQ(round_trip(bits), bits);
  EXPECT_EQ(round_trip(std::bitset<0>()), std::bitset<0>());
}

TEST(CodecValuesTest, KeepsPaths) {
  EXPECT_EQ(round_trip(std::filesystem::path("/tmp/\xff x")), "/tmp/\xff x");
}

TEST(CodecValuesTest, KeepsErrorCodes) {
  for (const std::error_code code :
       {std::make_error_code(std::errc::timed_out), std::error_code(5, std::system_category()),
        make_error_code(errc::closed), make_error_code(std::io_errc::stream),
        make_error_code(std::future_errc::no_state), std::error_code()}) {
    EXPECT_EQ(round_trip(code), code);
  }
}

TEST(CodecValuesTest, RefusesAnErrorCodeThatOnlyThisProcessKnows) {
  class Category : public std::error_category {
    const char* name() const noexcept override { return "generic"; }
    std::string message(int) const override { return "mine"; }
  };
  const Category category;
  EXPECT_THROW(round_trip(std::error_code(1, category)), CodecError);
}

TEST(CodecValuesTest, GivesTheReceiverADescriptorOfItsOwn) {
  const test::LeakGuard guard;
  const auto original = test::open_null();
  const UniqueFd copy = round_trip(*original);
  EXPECT_TRUE(copy);
  EXPECT_NE(copy.get(), original->get());
}

TEST(CodecValuesTest, RefusesToSendAClosedDescriptor) {
  EXPECT_THROW(round_trip(UniqueFd()), Error);
}

}  // namespace
}  // namespace shoal
