// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include "shoal/codec_members.hpp"
#include "shoal/type_name.hpp"
#include "shoal/writer.hpp"

// How the values of each type are written: the one place where a type's way is chosen.
namespace shoal::internal {

/// Codecs of the standard library's types: Parts, min_size(), encode(), decode().
/// Undefined for all others.
template <class T>
struct StandardCodec;

/// How values of a type are written; from `pointer` on, why they are not.
enum class Way {
  own,
  fields,
  described,
  standard,
  number,
  enumeration,
  array,
  aggregate,
  pointer,
  reference,
  view,
  function,
  union_type,
  polymorphic,
  no_default,
  derived,
  crowded,
  reference_member,
  const_member,
  unknown,
};

constexpr bool is_refused(Way way) noexcept { return way >= Way::pointer; }

template <class T>
inline constexpr bool is_view = false;
template <class C, class Traits>
inline constexpr bool is_view<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool is_view<std::span<T, N>> = true;
template <class T>
inline constexpr bool is_view<std::initializer_list<T>> = true;

template <class T>
inline constexpr bool is_function_wrapper = false;
template <class F>
inline constexpr bool is_function_wrapper<std::function<F>> = true;

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <class T>
inline constexpr bool is_reference_wrapper<std::reference_wrapper<T>> = true;

template <class T>
concept HasStandardCodec = requires {
  typename StandardCodec<T>::Parts;
};

template <class... Member>
constexpr bool are_assignable(Types<Member...>) noexcept {
  return (std::is_move_assignable_v<std::remove_all_extents_t<Member>> && ...);
}
template <class... Member>
constexpr Types<std::remove_const_t<Member>...> without_const(Types<Member...>) noexcept {
  return {};
}

/// A reference member looks like the member it refers to, but forbids the assignment that all the
/// members by themselves would allow. So does a const one; that one has a default, and is told by
/// it unless another member has none.
template <class T>
constexpr bool has_reference_member() noexcept {
  if constexpr (std::is_move_assignable_v<T>) {
    return false;
  } else if constexpr (has_default_members<T>) {
    return are_assignable(MemberTypes<T>{});
  } else {
    return are_assignable(without_const(MemberTypes<T>{}));
  }
}

template <class... Member>
constexpr bool has_array(Types<Member...>) noexcept {
  return (std::is_array_v<Member> || ...);
}

/// An aggregate that holds an array is made first and filled then, which `const` forbids.
template <class... Member>
constexpr bool cannot_be_filled(Types<Member...> members) noexcept {
  return has_array(members) && (std::is_const_v<std::remove_all_extents_t<Member>> || ...);
}

template <class T>
constexpr Way way_of_aggregate() noexcept {
  if constexpr (has_base<T>) {
    return Way::derived;
  } else if constexpr (count_members<T>() > kMaxMembers) {
    return Way::crowded;
  } else if constexpr (has_reference_member<T>()) {
    return Way::reference_member;
  } else {
    return cannot_be_filled(MemberTypes<T>{}) ? Way::const_member : Way::aggregate;
  }
}

template <class T>
constexpr Way way_of_class() noexcept {
  if constexpr (HasStandardCodec<T>) {
    return Way::standard;
  } else if constexpr (is_view<T>) {
    return Way::view;
  } else if constexpr (is_function_wrapper<T>) {
    return Way::function;
  } else if constexpr (is_reference_wrapper<T>) {
    return Way::reference;
  } else if constexpr (std::is_union_v<T>) {
    return Way::union_type;
  } else if constexpr (std::is_polymorphic_v<T>) {
    return Way::polymorphic;
  } else if constexpr (std::is_aggregate_v<T>) {
    return way_of_aggregate<T>();
  } else {
    return Way::unknown;
  }
}

/// How a value of T (without const) is written.
template <class T>
constexpr Way way_of() noexcept {
  if constexpr (std::is_reference_v<T>) {
    return Way::reference;
  } else if constexpr (std::is_void_v<T>) {
    return Way::unknown;
  } else if constexpr (std::is_function_v<T>) {
    return Way::function;
  } else if constexpr (std::is_array_v<T>) {
    return std::is_bounded_array_v<T> ? Way::array : Way::unknown;
  } else if constexpr (std::is_abstract_v<T>) {
    return Way::polymorphic;
  } else if constexpr (HasOwnCodec<T>) {
    return Way::own;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::byte>) {
    return Way::number;
  } else if constexpr (std::is_enum_v<T>) {
    return Way::enumeration;
  } else if constexpr (HasFields<T> || is_described<T>()) {
    if (!std::is_default_constructible_v<T>) return Way::no_default;
    return HasFields<T> ? Way::fields : Way::described;
  } else if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    return way_of_class<T>();
  } else {
    return Way::pointer;  // to objects, functions or members; std::nullptr_t
  }
}

/// The types that a value of T is made of, as Types<…>.
template <class T>
constexpr auto parts_of() noexcept {
  constexpr Way way = way_of<T>();
  if constexpr (way == Way::fields || way == Way::described || way == Way::aggregate) {
    return MemberTypes<T>{};
  } else if constexpr (way == Way::standard) {
    return typename StandardCodec<T>::Parts{};
  } else if constexpr (way == Way::array) {
    return Types<std::remove_extent_t<T>>{};
  } else {
    return Types<>{};
  }
}

// --- raw bytes ---------------------------------------------------------------------------------

template <class T>
constexpr bool is_raw() noexcept;

template <class T, class... Member>
constexpr bool is_raw_without_padding(Types<Member...>) noexcept {
  return (is_raw<std::remove_const_t<Member>>() && ...) && (sizeof(Member) + ... + 0) == sizeof(T);
}

/// True if any bytes are a T and a T is all of its bytes, so that arrays of it are copied whole:
/// numbers but bool, enums that list no values, and aggregates of these that have no padding.
template <class T>
constexpr bool is_raw() noexcept {
  constexpr Way way = way_of<T>();
  if constexpr (way == Way::number) {
    return is_plain_number<T> || std::is_same_v<T, std::byte>;
  } else if constexpr (way == Way::enumeration) {
    return !DescribedEnum<T> && requires { T{0}; }
    &&is_raw<std::underlying_type_t<T>>();
  } else if constexpr (way == Way::array) {
    return is_raw<std::remove_all_extents_t<T>>();
  } else if constexpr (way == Way::aggregate && std::is_trivially_copyable_v<T>) {
    return is_raw_without_padding<T>(parts_of<T>());
  } else if constexpr (way == Way::standard) {
    return requires { requires StandardCodec<T>::kIsRaw; };
  } else {
    return false;
  }
}

// --- sizes -------------------------------------------------------------------------------------

template <class T>
constexpr std::size_t min_encoded_size() noexcept;

template <class... Part>
constexpr std::size_t sum_of_min_sizes(Types<Part...>) noexcept {
  return (min_encoded_size<std::remove_const_t<Part>>() + ... + std::size_t{0});
}

/// The least bytes that a T is written as: what bounds the number of elements in a message.
template <class T>
constexpr std::size_t min_encoded_size() noexcept {
  constexpr Way way = way_of<T>();
  if constexpr (way == Way::own) {
    if constexpr (requires { Codec<T>::min_size; }) return Codec<T>::min_size;
    return 0;
  } else if constexpr (way == Way::array) {
    return std::extent_v<T> * min_encoded_size<std::remove_extent_t<T>>();
  } else if constexpr (way == Way::standard) {
    return StandardCodec<T>::min_size();
  } else if constexpr (way == Way::number || way == Way::enumeration) {
    return sizeof(T);
  } else {
    return sum_of_min_sizes(parts_of<T>());
  }
}

}  // namespace shoal::internal
