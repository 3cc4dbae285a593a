// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "shoal/codec_way.hpp"
#include "shoal/type_hash.hpp"
#include "shoal/type_name.hpp"

// The types of a call's arguments and result, in numbers and words that other programs understand:
// what tells whether a named task and its caller mean the same.
namespace shoal::internal {

/// A type's name for people, and its type_hash().
struct NamedType {
  std::string name;
  std::uint64_t hash = 0;
};

/// What a class is made of.
struct Definition {
  std::string name;
  std::string members;  ///< "int, std::string"; for a type with its own codec, or an enum, its size
};

/// The types of a call in full.
struct TaskTypes {
  std::vector<NamedType> parameters;
  NamedType result;
  std::vector<Definition> definitions;  ///< of the classes and enums among them, and within those

  /// Gives "double(demo::Shape, int)".
  std::string signature() const;
};

/// Throws CodecError if `called` is not `registered`, naming both signatures and, where they read
/// the same, the class that has two definitions.
void check_types(std::string_view task, const TaskTypes& registered, const TaskTypes& called);

/// The name as it is written in programs: std::string for std::__cxx11::basic_string<char>.
std::string readable(std::string_view type_name);

// --- in words ----------------------------------------------------------------------------------

template <class... Part>
std::string list_names(Types<Part...>) {
  std::string text;
  ((text += (text.empty() ? "" : ", ") + readable(type_name_view<Part>())), ...);
  return text;
}

template <class T>
void define(std::vector<Definition>& known);

template <class... Part>
void define_each([[maybe_unused]] std::vector<Definition>& known, Types<Part...>) {
  (define<std::remove_const_t<Part>>(known), ...);
}

/// Adds the definitions of T and of all within it.
template <class T>
void define(std::vector<Definition>& known) {
  constexpr Way way = way_of<T>();
  constexpr bool is_opaque = way == Way::own || way == Way::enumeration;
  if constexpr (is_opaque || way == Way::fields || way == Way::described || way == Way::aggregate) {
    std::string name = readable(type_name_view<T>());
    const auto is_it = [&](const Definition& other) { return other.name == name; };
    if (std::any_of(known.begin(), known.end(), is_it)) return;  // a type within itself ends here
    std::string members =
        is_opaque ? std::to_string(sizeof(T)) + " bytes" : list_names(parts_of<T>());
    known.push_back({std::move(name), std::move(members)});
  }
  define_each(known, parts_of<T>());
}

template <class R, class... Value>
[[gnu::visibility("hidden")]] TaskTypes describe_types() {
  TaskTypes types;
  (types.parameters.push_back({readable(type_name_view<Value>()), type_hash<Value>()}), ...);
  types.result = {readable(type_name_view<R>()), type_hash<R>()};
  define_each(types.definitions, Types<Value..., R>{});
  return types;
}

// --- in numbers --------------------------------------------------------------------------------

/// The types of a call, as long as nobody asks for words.
struct CallTypes {
  std::span<const std::uint64_t> hashes;  ///< of the parameters, then of the result
  TaskTypes (*describe)() = nullptr;
};

/// Calls `use` with the types. Hidden, and without static data: those the loader would share
/// between libraries that define one class in two ways, which is what is to be found out.
template <class R, class... Value, class Use>
[[gnu::visibility("hidden")]] auto with_types(Use use) {
  constexpr std::array<std::uint64_t, sizeof...(Value) + 1> hashes{type_hash<Value>()...,
                                                                   type_hash<R>()};
  return use(CallTypes{hashes, &describe_types<R, Value...>});
}

}  // namespace shoal::internal
