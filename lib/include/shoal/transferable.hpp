// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "shoal/codec_way.hpp"
#include "shoal/type_name.hpp"

namespace shoal {
namespace internal {

/// Finds the first type within T that is refused, as Types<It>; Types<> if none is. `Seen` are the
/// types around it: recursive types end there.
template <class T, class... Seen>
constexpr auto first_refused() noexcept;

template <class... Seen>
constexpr Types<> first_refused_of(Types<>) noexcept {
  return {};
}
template <class... Seen, class First, class... Rest>
constexpr auto first_refused_of(Types<First, Rest...>) noexcept {
  using Found = decltype(first_refused<std::remove_const_t<First>, Seen...>());
  if constexpr (std::is_same_v<Found, Types<>>) {
    return first_refused_of<Seen...>(Types<Rest...>{});
  } else {
    return Found{};
  }
}

template <class T, class... Seen>
constexpr auto first_refused() noexcept {
  if constexpr ((std::is_same_v<T, Seen> || ...)) {
    return Types<>{};
  } else if constexpr (is_refused(way_of<T>())) {
    return Types<T>{};
  } else {
    return first_refused_of<T, Seen...>(parts_of<T>());
  }
}

template <class T>
constexpr bool can_transfer() noexcept {
  if constexpr (std::is_array_v<T>) {
    return false;  // only as a member: an array can be neither argument nor result
  } else {
    return std::is_same_v<decltype(first_refused<std::remove_const_t<T>>()), Types<>>;
  }
}

// --- reasons -----------------------------------------------------------------------------------

/// Fails to compile, saying why T (the compiler names it) is refused.
template <class T, Way way = way_of<T>()>
constexpr void refuse() noexcept {
  static_assert(way != Way::pointer,
                "shoal: T is a pointer, which means nothing in another process. Send the value, a "
                "std::unique_ptr or std::shared_ptr that owns it, or a shoal handle.");
  static_assert(way != Way::reference,
                "shoal: T is a reference, which means nothing in another process. Send the value.");
  static_assert(
      way != Way::view,
      "shoal: T is a view of memory that the other process does not have. Send the owner: "
      "std::string for std::string_view, std::vector for std::span.");
  static_assert(
      way != Way::function,
      "shoal: T is a function or std::function, which cannot be sent as a value. Pass a "
      "function pointer or a captureless lambda as the task, or shoal::bind(fn, values...).");
  static_assert(way != Way::union_type,
                "shoal: T is a union, which does not say what it holds. Use std::variant.");
  static_assert(way != Way::polymorphic,
                "shoal: T is polymorphic, and only its static type would arrive. Specialise "
                "shoal::Codec<T>, or use std::variant.");
  static_assert(way != Way::no_default,
                "shoal: T shows its members by shoal_fields or BOOST_DESCRIBE_CLASS, and must be "
                "default-constructible for that. Add a default constructor or specialise "
                "shoal::Codec<T>.");
  static_assert(way != Way::derived,
                "shoal: T is an aggregate with a base class, whose members cannot be told apart. "
                "Make the base a member, or give T one of: a specialisation of shoal::Codec<T>; a "
                "friend shoal_fields(T&); BOOST_DESCRIBE_CLASS(T, (bases), (members), (), ()).");
  static_assert(way != Way::crowded,
                "shoal: T is an aggregate of more than 64 members. Group them, or give T one of: a "
                "specialisation of shoal::Codec<T>; a friend shoal_fields(T&); "
                "BOOST_DESCRIBE_CLASS(T, (bases), (members), (), ()).");
  static_assert(
      way != Way::reference_member,
      "shoal: T has a reference as a member, which means nothing in another process (or a "
      "const member beside one that has no default). Make it a plain value.");
  static_assert(way != Way::const_member,
                "shoal: T is an aggregate that holds a C array beside a const member. Use "
                "std::array, or drop the const.");
  static_assert(
      way != Way::unknown,
      "shoal: values of T cannot cross a process boundary. Give T one of four ways, tried "
      "in this order: a specialisation of shoal::Codec<T>; a friend shoal_fields(T&) that "
      "returns std::tie of its members; BOOST_DESCRIBE_CLASS(T, (bases), (members), (), "
      "()); or make it a plain aggregate of types that can.");
}

template <class Refused>
constexpr void explain_refusal(Types<Refused>) noexcept {
  refuse<Refused>();
}
constexpr void explain_refusal(Types<>) noexcept {}

/// Fails to compile, naming the type at fault and the reason, if T cannot be sent.
template <class T>
constexpr void require_transferable() noexcept {
  explain_refusal(first_refused<std::remove_const_t<T>>());
}

}  // namespace internal

/// True if values of T can be sent to another process: arguments, results, messages. All that they
/// are made of counts, and any of the four ways (codec.hpp) suits.
template <class T>
inline constexpr bool is_transferable_v = internal::can_transfer<T>();

}  // namespace shoal
