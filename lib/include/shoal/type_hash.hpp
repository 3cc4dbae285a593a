// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "shoal/codec_way.hpp"
#include "shoal/type_name.hpp"

namespace shoal {
namespace internal {

template <class T, class... Seen>
constexpr std::uint64_t hash_type() noexcept;

template <class... Seen, class... Part>
constexpr void hash_parts(NameHash& hash, Types<Part...>) noexcept {
  (hash.add(hash_type<std::remove_const_t<Part>, Seen...>()), ...);
}

// A type inside itself is named only.
template <class T, class... Seen>
constexpr std::uint64_t hash_type() noexcept {
  NameHash hash;
  hash.add(type_name_view<T>());
  if constexpr (!(std::is_same_v<T, Seen> || ...)) {
    constexpr Way way = way_of<T>();
    if constexpr (way != Way::standard && std::is_object_v<T>) hash.add(std::uint64_t{sizeof(T)});
    hash_parts<T, Seen...>(hash, parts_of<T>());
  }
  return hash.value();
}

}  // namespace internal

/// Names the type T and, for a class, its size and the types of its members in their order: two
/// builds of one program agree on it, and a changed class changes it.
template <class T>
constexpr std::uint64_t type_hash() noexcept {
  return internal::hash_type<T>();
}

}  // namespace shoal
