// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "shoal/codec_adaptors.hpp"
#include "shoal/codec_calendar.hpp"
#include "shoal/codec_containers.hpp"
#include "shoal/codec_values.hpp"
#include "shoal/codec_way.hpp"
#include "shoal/error.hpp"
#include "shoal/reader.hpp"
#include "shoal/transferable.hpp"
#include "shoal/type_hash.hpp"
#include "shoal/writer.hpp"

namespace shoal {

/// How values of T are written and read.
///
/// Numbers, enums, the standard library's values and containers, and plain aggregates of these need
/// nothing. (Not pointers and views, which own nothing, nor containers whose order or hash holds a
/// state, which would not travel. Dates that are not ok() throw CodecError.) Containers, pointers
/// and types of the first way below nest 64 deep at most. For a type of your own, the first of these ways that it has is taken:
///  1. a specialisation of this template, with these two functions (and, where no T is written as
///     fewer bytes, `static constexpr std::size_t min_size`):
///       template <> struct shoal::Codec<T> {
///         static void encode(Writer& w, const T& v) { w.put(v.a()); }
///         static T decode(Reader& r) { return T(r.get<int>()); }
///       };
///  2. in the class, with a default constructor:
///       friend auto shoal_fields(T& self) { return std::tie(self.a_, self.b_); }
///  3. in the class, with a default constructor, the bases described likewise:
///       BOOST_DESCRIBE_CLASS(T, (Base), (a), (), (b_))
///  4. being an aggregate, of at most 64 members, C arrays included. Not with bit-fields (the
///     compiler says that it cannot bind them, even to is_transferable_v) or anonymous unions, nor
///     with C arrays or const members beside one without default.
/// An enum's values are checked on arrival if BOOST_DESCRIBE_ENUM lists them.
///
/// A `decode` that finds bytes which are no T throws CodecError. Both run in any thread, in the
/// sender and in the receiver.
template <class T>
struct Codec {
  using NotSpecialized = void;

  static void encode(Writer& writer, const T& value);
  static T decode(Reader& reader);
};

namespace internal {

// --- numbers and enums -------------------------------------------------------------------------

// The x87 number is 10 bytes long and padded: the padding is not ours to send.
inline constexpr std::size_t kLongDoubleBytes =
    std::numeric_limits<long double>::digits == 64 ? 10 : sizeof(long double);

template <class T>
void encode_number(Writer& writer, T value) {
  if constexpr (std::is_same_v<T, long double>) {
    std::array<std::byte, sizeof(T)> bytes{};
    std::memcpy(bytes.data(), &value, kLongDoubleBytes);
    writer.write(bytes.data(), bytes.size());
  } else {
    writer.write(&value, sizeof value);
  }
}

[[noreturn]] void fail_bool(unsigned value);

template <class T>
T decode_number(Reader& reader) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto value = reader.get<unsigned char>();
    if (value > 1) fail_bool(value);
    return value == 1;
  } else {
    T value;
    reader.read(&value, sizeof value);
    return value;
  }
}

template <class T, template <class...> class List, class... Enumerator>
constexpr bool is_listed(T value, List<Enumerator...>) noexcept {
  return ((value == Enumerator::value) || ...);
}

[[noreturn]] void fail_enum(const char* type, const std::string& value);

template <class T>
T decode_enum(Reader& reader) {
  const auto number = reader.get<std::underlying_type_t<T>>();
  const T value = static_cast<T>(number);
  if constexpr (DescribedEnum<T>) {
    if (!is_listed(value, boost::describe::describe_enumerators<T>{})) {
      fail_enum(type_name<T>(), std::to_string(number));
    }
  }
  return value;
}

// --- members -----------------------------------------------------------------------------------

template <class Member>
void encode_member(Writer& writer, const Member& member) {
  if constexpr (!std::is_array_v<Member>) {
    writer.put(member);
  } else if constexpr (is_raw<std::remove_const_t<std::remove_all_extents_t<Member>>>()) {
    writer.write(&member, sizeof member);
  } else {
    for (const auto& element : member) encode_member(writer, element);
  }
}

template <class T>
void encode_members(Writer& writer, const T& value) {
  std::apply([&](const auto&... member) { (encode_member(writer, member), ...); },
             tie_members(value));
}

template <class Member>
void decode_member(Reader& reader, Member& member) {
  if constexpr (!std::is_array_v<Member>) {
    member = reader.get<Member>();
  } else if constexpr (is_raw<std::remove_all_extents_t<Member>>()) {
    reader.read(&member, sizeof member);
  } else {
    for (auto& element : member) decode_member(reader, element);
  }
}

template <class T>
T decode_by_filling(Reader& reader) {
  T value{};
  std::apply([&](auto&... member) { (decode_member(reader, member), ...); }, tie_members(value));
  return value;
}

// In braces, initializers are evaluated in their order.
template <class T, class... Member>
T decode_in_place(Reader& reader, Types<Member...>) {
  return T{reader.get<std::remove_const_t<Member>>()...};
}

template <class T>
T decode_aggregate(Reader& reader) {
  if constexpr (is_raw<T>()) {
    std::array<std::byte, sizeof(T)> bytes;
    reader.read(bytes.data(), bytes.size());
    return std::bit_cast<T>(bytes);
  } else if constexpr (has_array(MemberTypes<T>{})) {
    return decode_by_filling<T>(reader);
  } else {
    return decode_in_place<T>(reader, MemberTypes<T>{});
  }
}

}  // namespace internal

template <class T>
void Codec<T>::encode(Writer& writer, const T& value) {
  using internal::Way;
  constexpr Way way = internal::way_of<T>();
  if constexpr (way == Way::number) {
    internal::encode_number(writer, value);
  } else if constexpr (way == Way::enumeration) {
    writer.put(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (way == Way::standard) {
    internal::StandardCodec<T>::encode(writer, value);
  } else if constexpr (internal::is_refused(way)) {
    internal::refuse<T>();
  } else if constexpr (internal::is_raw<T>()) {
    writer.write(&value, sizeof value);
  } else {
    internal::encode_members(writer, value);
  }
}

template <class T>
T Codec<T>::decode(Reader& reader) {
  using internal::Way;
  constexpr Way way = internal::way_of<T>();
  if constexpr (way == Way::number) {
    return internal::decode_number<T>(reader);
  } else if constexpr (way == Way::enumeration) {
    return internal::decode_enum<T>(reader);
  } else if constexpr (way == Way::standard) {
    return internal::StandardCodec<T>::decode(reader);
  } else if constexpr (internal::is_refused(way)) {
    internal::refuse<T>();
  } else if constexpr (way == Way::aggregate) {
    return internal::decode_aggregate<T>(reader);
  } else {
    return internal::decode_by_filling<T>(reader);
  }
}

}  // namespace shoal
