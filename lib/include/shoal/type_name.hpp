// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shoal::internal {

/// Types as values.
template <class... T>
struct Types {};

template <class T>
constexpr auto signature_naming() noexcept {
  return std::string_view(__PRETTY_FUNCTION__);
}

/// The name of T as the compiler writes it.
template <class T>
constexpr std::string_view type_name_view() noexcept {
  constexpr std::string_view probe = "double";
  constexpr std::string_view sample = signature_naming<double>();
  constexpr std::size_t before = sample.find(probe);
  constexpr std::size_t after = sample.size() - before - probe.size();
  constexpr std::string_view whole = signature_naming<T>();
  return whole.substr(before, whole.size() - before - after);
}

template <class T>
struct TypeNameStorage {
  static constexpr auto kText = [] {
    constexpr std::string_view name = type_name_view<T>();
    std::array<char, name.size() + 1> text{};
    for (std::size_t i = 0; i < name.size(); ++i) text[i] = name[i];
    return text;
  }();
};

/// The same, NUL-terminated, for ever.
template <class T>
constexpr const char* type_name() noexcept {
  return TypeNameStorage<T>::kText.data();
}

/// FNV-1a, one step per byte: cheap for the compiler, and the same in every build.
class NameHash {
 public:
  constexpr void add(std::string_view text) noexcept {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
  }
  constexpr void add(std::uint64_t number) noexcept {
    for (int shift = 0; shift < 64; shift += 8) add_byte((number >> shift) & 0xff);
  }
  constexpr std::uint64_t value() const noexcept { return value_; }

 private:
  constexpr void add_byte(std::uint64_t byte) noexcept { value_ = (value_ ^ byte) * 0x100000001b3; }

  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace shoal::internal
