// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

// How many members an aggregate has. Boost.PFR counts too, but counts every element of a C array,
// fails hard where a class has a base, and sends g++ 12 into an internal error on arrays of
// classes.
namespace shoal::internal {

/// The most members an aggregate may have.
inline constexpr std::size_t kMaxMembers = 64;

// An aggregate takes as many `{}` as it has members, whatever these are. There is no pack of empty
// braces, hence the macros; they end below.
// clang-format off
#define SHOAL_TAKES(...) (requires { T{__VA_ARGS__}; } ? 1u : 0u)
#define SHOAL_8 {}, {}, {}, {}, {}, {}, {}, {}
#define SHOAL_16 SHOAL_8, SHOAL_8
#define SHOAL_32 SHOAL_16, SHOAL_16
#define SHOAL_48 SHOAL_32, SHOAL_16
#define SHOAL_TAKES_UP_TO_8(...)                                              \
  SHOAL_TAKES(__VA_ARGS__ {}) + SHOAL_TAKES(__VA_ARGS__ {}, {}) +             \
  SHOAL_TAKES(__VA_ARGS__ {}, {}, {}) + SHOAL_TAKES(__VA_ARGS__ {}, {}, {}, {}) + \
  SHOAL_TAKES(__VA_ARGS__ {}, {}, {}, {}, {}) +                               \
  SHOAL_TAKES(__VA_ARGS__ {}, {}, {}, {}, {}, {}) +                           \
  SHOAL_TAKES(__VA_ARGS__ {}, {}, {}, {}, {}, {}, {}) +                       \
  SHOAL_TAKES(__VA_ARGS__ SHOAL_8)

/// For T whose members all can be initialized by `{}`; more than kMaxMembers of them if there are.
template <class T>
constexpr std::size_t count_empty_braces() noexcept {
  return SHOAL_TAKES_UP_TO_8() +
         SHOAL_TAKES_UP_TO_8(SHOAL_8,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_16,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_16, SHOAL_8,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_32,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_32, SHOAL_8,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_48,) +
         SHOAL_TAKES_UP_TO_8(SHOAL_48, SHOAL_8,) +
         SHOAL_TAKES(SHOAL_48, SHOAL_16, {});
}

#undef SHOAL_TAKES_UP_TO_8
#undef SHOAL_48
#undef SHOAL_32
#undef SHOAL_16
#undef SHOAL_8
#undef SHOAL_TAKES
// clang-format on

/// Initializes any one member but an array.
template <bool IsCopyable>
struct AnyMember {
  template <class Member>
  operator Member&() const;
};
template <>
struct AnyMember<false> {
  template <class Member>
  operator Member() const;
};

template <class T, class Any, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) noexcept {
  return requires { T{(static_cast<void>(I), Any{})...}; };
}

/// For other T: some member needs a value, so the longest list that it takes is what counts.
template <class T, std::size_t N = kMaxMembers>
constexpr std::size_t count_any_members() noexcept {
  using Any = AnyMember<std::is_copy_constructible_v<T>>;
  if constexpr (N == 0 || takes<T, Any>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return count_any_members<T, N - 1>();
  }
}

/// True if `{}` initializes every member of the aggregate T.
template <class T>
inline constexpr bool has_default_members = requires {
  T{};
};

/// The number of members and bases of the aggregate T; more than kMaxMembers where they are too
/// many to tell.
template <class T>
constexpr std::size_t count_members() noexcept {
  if constexpr (std::is_empty_v<T>) {
    return 0;
  } else if constexpr (has_default_members<T> && count_empty_braces<T>() != 0) {
    return count_empty_braces<T>();
  } else {  // also where `{}` is not for the first member, whose default constructor is explicit
    return count_any_members<T>();
  }
}

/// Initializes a base of T, and nothing else.
template <class T>
struct AnyBase {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::same_as<Base, T>) operator Base() const;
};

struct Opaque {};

/// True if the aggregate T derives from something: a base stands where the first member would. (A
/// first member that anything converts to tells nothing.)
template <class T>
inline constexpr bool has_base = requires {
  T{AnyBase<T>{}};
}
&&!requires { T{Opaque{}}; };

}  // namespace shoal::internal
