// SPDX-License-Identifier: Apache-2.0
#include "shoal/transferable.hpp"

#include <gtest/gtest.h>

#include <any>
#include <functional>
#include <memory>
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
