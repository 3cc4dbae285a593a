// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "shoal/codec_way.hpp"
#include "shoal/reader.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

// Codecs of the standard library's single values: each says how it looks in the bytes.
namespace shoal::internal {

/// first, second
template <class A, class B>
struct StandardCodec<std::pair<A, B>> {
  using Parts = Types<A, B>;
  static constexpr std::size_t min_size() { return sum_of_min_sizes(Parts{}); }
  static void encode(Writer& writer, const std::pair<A, B>& value) {
    writer.put(value.first);
    writer.put(value.second);
  }
  static std::pair<A, B> decode(Reader& reader) {
    auto first = reader.get<std::remove_const_t<A>>();
    return std::pair<A, B>(std::move(first), reader.get<std::remove_const_t<B>>());
  }
};

/// the elements
template <class... T>
struct StandardCodec<std::tuple<T...>> {
  using Parts = Types<T...>;
  static constexpr std::size_t min_size() { return sum_of_min_sizes(Parts{}); }
  static void encode(Writer& writer, const std::tuple<T...>& value) {
    std::apply([&](const auto&... element) { (writer.put(element), ...); }, value);
  }
  static std::tuple<T...> decode([[maybe_unused]] Reader& reader) {
    return std::tuple<T...>{reader.get<std::remove_const_t<T>>()...};
  }
};

/// a bool, and the value if there is one
template <class T>
struct StandardCodec<std::optional<T>> {
  using Parts = Types<T>;
  static constexpr std::size_t min_size() { return 1; }
  static void encode(Writer& writer, const std::optional<T>& value) {
    writer.put(value.has_value());
    if (value) writer.put(*value);
  }
  static std::optional<T> decode(Reader& reader) {
    if (!reader.get<bool>()) return std::nullopt;
    return std::optional<T>(reader.get<std::remove_const_t<T>>());
  }
};

[[noreturn]] void fail_variant(std::size_t index, std::size_t alternatives);
[[noreturn]] void fail_valueless();

/// the index as u32, the alternative
template <class... T>
struct StandardCodec<std::variant<T...>> {
  using Parts = Types<T...>;
  static constexpr std::size_t min_size() { return sizeof(std::uint32_t); }
  static void encode(Writer& writer, const std::variant<T...>& value) {
    if (value.valueless_by_exception()) fail_valueless();
    writer.put(static_cast<std::uint32_t>(value.index()));
    std::visit([&](const auto& alternative) { writer.put(alternative); }, value);
  }
  static std::variant<T...> decode(Reader& reader) {
    return decode_at<0>(reader, reader.get<std::uint32_t>());
  }

 private:
  template <std::size_t I>
  static std::variant<T...> decode_at(Reader& reader, std::size_t index) {
    if constexpr (I == sizeof...(T)) {
      fail_variant(index, sizeof...(T));
    } else {
      using Alternative = std::variant_alternative_t<I, std::variant<T...>>;
      if (index != I) return decode_at<I + 1>(reader, index);
      return std::variant<T...>(std::in_place_index<I>, reader.get<Alternative>());
    }
  }
};

template <class T>
concept OwnedByValue =
    std::is_object_v<T> && !std::is_array_v<T> && (!std::is_polymorphic_v<T> || std::is_final_v<T>);

/// a bool, and the object if there is one
template <class Pointer, class T>
struct OwnerCodec {
  using Parts = Types<T>;
  static constexpr std::size_t min_size() { return 1; }
  static void encode(Writer& writer, const Pointer& value) {
    const Nesting nesting(writer);
    writer.put(value != nullptr);
    if (value != nullptr) writer.put(*value);
  }
  static Pointer decode(Reader& reader) {
    const Nesting nesting(reader);
    if (!reader.get<bool>()) return nullptr;
    return Pointer(new T(reader.get<std::remove_const_t<T>>()));
  }
};

template <OwnedByValue T>
struct StandardCodec<std::unique_ptr<T>> : OwnerCodec<std::unique_ptr<T>, T> {};

/// Each pointer becomes an owner of its own: who shared an object, shares it no more.
template <OwnedByValue T>
struct StandardCodec<std::shared_ptr<T>> : OwnerCodec<std::shared_ptr<T>, T> {};

/// real, imaginary
template <class T>
struct StandardCodec<std::complex<T>> {
  using Parts = Types<T>;
  static constexpr bool kIsRaw = is_plain_number<T>;
  static constexpr std::size_t min_size() { return 2 * sizeof(T); }
  static void encode(Writer& writer, const std::complex<T>& value) {
    writer.put(value.real());
    writer.put(value.imag());
  }
  static std::complex<T> decode(Reader& reader) {
    const T real = reader.get<T>();
    return std::complex<T>(real, reader.get<T>());
  }
};

/// the count of ticks
template <class Rep, class Period>
struct StandardCodec<std::chrono::duration<Rep, Period>> {
  using Parts = Types<Rep>;
  static constexpr bool kIsRaw = is_raw<Rep>();
  static constexpr std::size_t min_size() { return min_encoded_size<Rep>(); }
  static void encode(Writer& writer, const std::chrono::duration<Rep, Period>& value) {
    writer.put(value.count());
  }
  static std::chrono::duration<Rep, Period> decode(Reader& reader) {
    return std::chrono::duration<Rep, Period>(reader.get<Rep>());
  }
};

/// the time since the clock's epoch; the steady clock's is the same in all processes of a machine
template <class Clock, class Duration>
struct StandardCodec<std::chrono::time_point<Clock, Duration>> {
  using Parts = Types<Duration>;
  static constexpr bool kIsRaw = is_raw<Duration>();
  static constexpr std::size_t min_size() { return min_encoded_size<Duration>(); }
  static void encode(Writer& writer, const std::chrono::time_point<Clock, Duration>& value) {
    writer.put(value.time_since_epoch());
  }
  static std::chrono::time_point<Clock, Duration> decode(Reader& reader) {
    return std::chrono::time_point<Clock, Duration>(reader.get<Duration>());
  }
};

[[noreturn]] void fail_bitset(std::size_t bits);

/// eight bits a byte, the lowest first
template <std::size_t N>
struct StandardCodec<std::bitset<N>> {
  using Parts = Types<>;
  static constexpr std::size_t min_size() { return (N + 7) / 8; }
  static void encode(Writer& writer, const std::bitset<N>& value) {
    for (std::size_t first = 0; first < N; first += 8) {
      unsigned byte = 0;
      for (std::size_t i = first; i < N && i < first + 8; ++i)
        byte |= unsigned{value[i]} << (i - first);
      writer.put(static_cast<unsigned char>(byte));
    }
  }
  static std::bitset<N> decode(Reader& reader) {
    std::bitset<N> value;
    for (std::size_t first = 0; first < N; first += 8) {
      const unsigned byte = reader.get<unsigned char>();
      if (N - first < 8 && byte >> (N - first) != 0) fail_bitset(N);
      for (std::size_t i = first; i < N && i < first + 8; ++i)
        value[i] = (byte >> (i - first)) & 1u;
    }
    return value;
  }
};

/// the native string
template <>
struct StandardCodec<std::filesystem::path> {
  using Parts = Types<>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const std::filesystem::path& value);
  static std::filesystem::path decode(Reader& reader);
};

/// The category's name, the number. Known are the standard's categories and shoal's.
template <>
struct StandardCodec<std::error_code> {
  using Parts = Types<>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t) + sizeof(int); }
  static void encode(Writer& writer, const std::error_code& value);
  static std::error_code decode(Reader& reader);
};

/// the place among the descriptors that ride along; both ends have one of their own
template <>
struct StandardCodec<UniqueFd> {
  using Parts = Types<>;
  static constexpr std::size_t min_size() { return sizeof(std::uint32_t); }
  static void encode(Writer& writer, const UniqueFd& value) {
    writer.put_fd(std::make_shared<const UniqueFd>(value.duplicate()));
  }
  static UniqueFd decode(Reader& reader) { return reader.take_fd()->duplicate(); }
};

}  // namespace shoal::internal
