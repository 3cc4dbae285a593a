// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>

#include "shoal/codec_way.hpp"
#include "shoal/type_name.hpp"

// Which types can lie in memory that processes share.
namespace shoal::internal {

/// The strictest alignment that shared memory keeps for its elements.
inline constexpr std::size_t kMaxAlignment = 64;

constexpr bool means_an_address(Way way) noexcept {
  return way == Way::pointer || way == Way::reference || way == Way::view || way == Way::function ||
         way == Way::reference_member;
}

template <class T, class... Seen>
constexpr bool holds_address() noexcept;

template <class... Seen, class... Part>
constexpr bool any_holds_address(Types<Part...>) noexcept {
  return (holds_address<std::remove_const_t<Part>, Seen...>() || ...);
}

/// True if T is a pointer or the like, or has one as a member, as far as its members can be seen.
/// `Seen` are the types around it.
template <class T, class... Seen>
constexpr bool holds_address() noexcept {
  if constexpr ((std::is_same_v<T, Seen> || ...)) {
    return false;
  } else if constexpr (means_an_address(way_of<T>())) {
    return true;
  } else {
    return any_holds_address<Seen..., T>(parts_of<T>());
  }
}

/// Fails to compile, saying why, if a T cannot lie in shared memory; else true.
template <class T>
constexpr bool require_shareable() noexcept {
  static_assert(std::is_same_v<T, std::remove_cv_t<T>> && !std::is_array_v<T>,
                "shoal: T must be a plain type. Drop const; for a C array take std::array.");
  static_assert(std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>,
                "shoal: T is not trivially copyable, and processes share its bytes alone. Take "
                "numbers, std::array or structs of these (of fixed length: no std::string, no "
                "std::vector), or send the value through a shoal::Queue.");
  static_assert(!holds_address<T>(),
                "shoal: T is or holds a pointer, a reference or a view, which means nothing in "
                "another process. Keep the value itself, or an index into a shoal::Array.");
  static_assert(alignof(T) <= kMaxAlignment,
                "shoal: T is aligned more strictly than 64 bytes, which shared memory does not "
                "keep.");
  return true;
}

}  // namespace shoal::internal
