// SPDX-License-Identifier: Apache-2.0
#include "shoal/transferable.hpp"

#include <gtest/gtest.h>

#include <any>
#include <functional>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/codec.hpp"
#include "shoal/type_hash.hpp"

namespace shoal {
namespace {

struct Fine {
  int a;
  std::vector<std::string> b;
};
struct HoldsPointer {
  int a;
  int* b;
};
struct HoldsReference {
  int& a;
};
struct HoldsConstReference {
  std::string a;
  const std::string& b;
};
struct Base {
  int a;
};
struct Derived : Base {
  int b;
};
struct EmptyBase {};
struct DerivedFromEmpty : EmptyBase {
  int b;
};
struct Polymorphic {
  virtual ~Polymorphic() = default;
};
struct Abstract {
  virtual ~Abstract() = default;
  virtual void act() = 0;
};
union Either {
  int a;
  float b;
};
class Closed {
 public:
  explicit Closed(int a) : a_(a) {}
  int a() const { return a_; }

 private:
  int a_;
};
struct Recursive {
  std::vector<Recursive> children;
  std::unique_ptr<Recursive> next;
};
struct RecursivePointer {
  std::vector<RecursivePointer> children;
  void* parent;
};

template <class... T>
constexpr bool all = (is_transferable_v<T> && ...);
template <class... T>
constexpr bool any = (is_transferable_v<T> || ...);

TEST(TransferableTest, ValuesAre) {
  EXPECT_TRUE((all<int, const int, double, Fine, Recursive, std::string, UniqueFd,
                   std::unique_ptr<Fine>, std::shared_ptr<const Fine>, std::vector<bool>,
                   std::map<std::string, Fine>, std::error_code, std::monostate, Base, EmptyBase>));
}

TEST(TransferableTest, WhatRefersToThisProcessIsNot) {
  EXPECT_FALSE((any<int*, const char*, int&, const int&, int&&, std::nullptr_t, int Fine::*,
                    void (*)(), std::string_view, std::span<int>, std::reference_wrapper<int>,
                    std::function<void()>, HoldsPointer, HoldsReference, HoldsConstReference>));
}

TEST(TransferableTest, WhatCannotBeTakenApartIsNot) {
  EXPECT_FALSE((any<void, Either, Derived, DerivedFromEmpty, Polymorphic, Abstract, Closed,
                    std::mutex, std::any, int[3]>));
}

TEST(TransferableTest, OwnersThatLoseSomethingAreNot) {
  EXPECT_FALSE(
      (any<std::unique_ptr<int[]>, std::unique_ptr<Polymorphic>, std::shared_ptr<Polymorphic>,
           std::weak_ptr<int>, std::unique_ptr<int, void (*)(int*)>>));
}

TEST(TransferableTest, EveryPartCounts) {
  EXPECT_FALSE((any<std::vector<int*>, std::map<int, std::string_view>, std::optional<int*>,
                    std::pair<int, int&>, std::tuple<int, Closed>, std::variant<int, int*>,
                    std::vector<HoldsPointer>, std::unique_ptr<int*>, RecursivePointer>));
}

TEST(TransferableTest, TheStandardLibrarysTypesAre) {
  using namespace std::chrono;
  EXPECT_TRUE(
      (all<bool, char8_t, wchar_t, long double, std::byte, std::wstring, std::u8string,
           std::u16string, std::u32string, std::array<Fine, 2>, std::array<Fine, 0>,
           std::deque<Fine>, std::list<Fine>, std::forward_list<Fine>, std::vector<Fine>,
           std::set<int>, std::multiset<int>, std::unordered_set<int>, std::unordered_multiset<int>,
           std::map<int, Fine>, std::multimap<int, Fine>, std::unordered_map<int, Fine>,
           std::unordered_multimap<int, Fine>, std::stack<Fine>, std::queue<Fine>,
           std::priority_queue<int>, std::valarray<double>, std::bitset<70>>));
  EXPECT_TRUE((all<std::pair<int, Fine>, std::tuple<>, std::tuple<int, Fine>, std::optional<Fine>,
                   std::variant<std::monostate, Fine>, std::complex<float>, std::filesystem::path,
                   nanoseconds, duration<double>, system_clock::time_point, sys_days, local_days,
                   day, month, year, weekday, weekday_indexed, weekday_last, month_day,
                   month_day_last, month_weekday, month_weekday_last, year_month, year_month_day,
                   year_month_day_last, year_month_weekday, year_month_weekday_last,
                   hh_mm_ss<seconds>, std::unique_ptr<const Fine>, std::pmr::vector<int>>));
}

TEST(TransferableTest, APartThatIsNotSpoilsTheWhole) {
  EXPECT_FALSE((any<std::stack<int*>, std::queue<std::string_view>, std::array<int*, 0>,
                    std::priority_queue<Closed>, std::deque<HoldsReference>,
                    std::chrono::duration<Closed>, std::variant<std::any>>));
}

struct ByColumn {
  int column = 0;
  bool operator()(int a, int b) const { return a % 10 + column < b % 10 + column; }
};

TEST(TransferableTest, AContainerWhoseOrderHoldsAStateIsNot) {
  using Pointer = bool (*)(int, int);
  using Function = std::function<bool(int, int)>;
  EXPECT_FALSE((any<std::set<int, ByColumn>, std::set<int, Pointer>, std::multiset<int, Function>,
                    std::map<int, int, ByColumn>, std::multimap<int, int, Pointer>,
                    std::unordered_set<int, std::function<std::size_t(int)>>,
                    std::unordered_map<int, int, std::hash<int>, Function>,
                    std::priority_queue<int, std::vector<int>, ByColumn>>));
  EXPECT_TRUE((all<std::set<int, std::greater<>>, std::map<int, int, std::greater<int>>>));
}

TEST(TransferableTest, ALambdaIsNotAValue) {
  int captured = 1;
  auto capturing = [captured] { return captured; };
  auto captureless = [] { return 1; };
  EXPECT_FALSE((any<decltype(capturing), decltype(captureless)>));
}

// --- type_hash ---------------------------------------------------------------------------------

namespace before {
struct Record {
  int a;
  std::string b;
};
}  // namespace before

template <int Version>
struct Record;
template <>
struct Record<1> {
  int a;
  std::string b;
};

TEST(TypeHashTest, IsKnownToTheCompiler) {
  constexpr std::uint64_t hash = type_hash<Fine>();
  EXPECT_NE(hash, 0u);
  static_assert(type_hash<int>() == type_hash<int>());
}

TEST(TypeHashTest, TellsTypesApart) {
  EXPECT_NE(type_hash<int>(), type_hash<long>());
  EXPECT_NE(type_hash<Fine>(), type_hash<Base>());
  EXPECT_NE((type_hash<before::Record>()), (type_hash<Record<1>>()));
  EXPECT_NE((type_hash<std::vector<int>>()), (type_hash<std::vector<unsigned>>()));
}

TEST(TypeHashTest, EndsForRecursiveTypes) {
  EXPECT_NE(type_hash<Recursive>(), type_hash<std::vector<Recursive>>());
}

}  // namespace

// One name, two layouts, as in two builds of a program: told apart by members alone.
TEST(TypeHashTest, FollowsMembers) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  using internal::NameHash;
  using internal::Types;
  NameHash one;
  internal::hash_parts(one, Types<int, std::string>{});
  first = one.value();
  NameHash other;
  internal::hash_parts(other, Types<std::string, int>{});
  second = other.value();
  EXPECT_NE(first, second);
}

}  // namespace shoal
