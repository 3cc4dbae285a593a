// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <tuple>
#include <utility>

#include "shoal/codec_values.hpp"
#include "shoal/codec_way.hpp"
#include "shoal/reader.hpp"
#include "shoal/type_name.hpp"
#include "shoal/writer.hpp"

// Codecs of the calendar types of <chrono>. A date that is not ok() is neither sent nor taken: what
// may be missing is a std::optional.
namespace shoal::internal {

[[noreturn]] void fail_calendar(const char* type);

// --- what each is made from --------------------------------------------------------------------

inline auto calendar_parts(std::chrono::day value) {
  return std::tuple(static_cast<unsigned char>(static_cast<unsigned>(value)));
}
inline auto calendar_parts(std::chrono::month value) {
  return std::tuple(static_cast<unsigned char>(static_cast<unsigned>(value)));
}
inline auto calendar_parts(std::chrono::year value) {
  return std::tuple(static_cast<short>(static_cast<int>(value)));
}
inline auto calendar_parts(std::chrono::weekday value) {
  return std::tuple(static_cast<unsigned char>(value.c_encoding()));
}
inline auto calendar_parts(const std::chrono::weekday_indexed& value) {
  return std::tuple(value.weekday(), static_cast<unsigned char>(value.index()));
}
inline auto calendar_parts(const std::chrono::weekday_last& value) {
  return std::tuple(value.weekday());
}
inline auto calendar_parts(const std::chrono::month_day& value) {
  return std::tuple(value.month(), value.day());
}
inline auto calendar_parts(const std::chrono::month_day_last& value) {
  return std::tuple(value.month());
}
inline auto calendar_parts(const std::chrono::month_weekday& value) {
  return std::tuple(value.month(), value.weekday_indexed());
}
inline auto calendar_parts(const std::chrono::month_weekday_last& value) {
  return std::tuple(value.month(), value.weekday_last());
}
inline auto calendar_parts(const std::chrono::year_month& value) {
  return std::tuple(value.year(), value.month());
}
inline auto calendar_parts(const std::chrono::year_month_day& value) {
  return std::tuple(value.year(), value.month(), value.day());
}
inline auto calendar_parts(const std::chrono::year_month_day_last& value) {
  return std::tuple(value.year(), value.month_day_last());
}
inline auto calendar_parts(const std::chrono::year_month_weekday& value) {
  return std::tuple(value.year(), value.month(), value.weekday_indexed());
}
inline auto calendar_parts(const std::chrono::year_month_weekday_last& value) {
  return std::tuple(value.year(), value.month(), value.weekday_last());
}

// --- codecs ------------------------------------------------------------------------------------

template <class... Part>
constexpr Types<Part...> parts_in(const std::tuple<Part...>*) noexcept {
  return {};
}

/// the parts, in the order of its constructor
template <class T>
struct CalendarCodec {
  using Tuple = decltype(calendar_parts(std::declval<const T&>()));
  using Parts = decltype(parts_in(static_cast<const Tuple*>(nullptr)));
  static constexpr std::size_t min_size() { return sum_of_min_sizes(Parts{}); }
  static void encode(Writer& writer, const T& value) {
    if (!value.ok()) fail_calendar(type_name<T>());
    std::apply([&](const auto&... part) { (writer.put(part), ...); }, calendar_parts(value));
  }
  static T decode(Reader& reader) { return decode_parts(reader, Parts{}); }

 private:
  template <class... Part>
  static T decode_parts(Reader& reader, Types<Part...>) {
    const T value{reader.get<Part>()...};
    if (!value.ok()) fail_calendar(type_name<T>());
    return value;
  }
};

template <>
struct StandardCodec<std::chrono::day> : CalendarCodec<std::chrono::day> {};
template <>
struct StandardCodec<std::chrono::month> : CalendarCodec<std::chrono::month> {};
template <>
struct StandardCodec<std::chrono::year> : CalendarCodec<std::chrono::year> {};
template <>
struct StandardCodec<std::chrono::weekday> : CalendarCodec<std::chrono::weekday> {};
template <>
struct StandardCodec<std::chrono::weekday_indexed> : CalendarCodec<std::chrono::weekday_indexed> {};
template <>
struct StandardCodec<std::chrono::weekday_last> : CalendarCodec<std::chrono::weekday_last> {};
template <>
struct StandardCodec<std::chrono::month_day> : CalendarCodec<std::chrono::month_day> {};
template <>
struct StandardCodec<std::chrono::month_day_last> : CalendarCodec<std::chrono::month_day_last> {};
template <>
struct StandardCodec<std::chrono::month_weekday> : CalendarCodec<std::chrono::month_weekday> {};
template <>
struct StandardCodec<std::chrono::month_weekday_last>
    : CalendarCodec<std::chrono::month_weekday_last> {};
template <>
struct StandardCodec<std::chrono::year_month> : CalendarCodec<std::chrono::year_month> {};
template <>
struct StandardCodec<std::chrono::year_month_day> : CalendarCodec<std::chrono::year_month_day> {};
template <>
struct StandardCodec<std::chrono::year_month_day_last>
    : CalendarCodec<std::chrono::year_month_day_last> {};
template <>
struct StandardCodec<std::chrono::year_month_weekday>
    : CalendarCodec<std::chrono::year_month_weekday> {};
template <>
struct StandardCodec<std::chrono::year_month_weekday_last>
    : CalendarCodec<std::chrono::year_month_weekday_last> {};

/// the time since midnight
template <class Duration>
struct StandardCodec<std::chrono::hh_mm_ss<Duration>> {
  using Time = std::chrono::hh_mm_ss<Duration>;
  using Parts = Types<typename Time::precision>;
  static constexpr std::size_t min_size() { return sum_of_min_sizes(Parts{}); }
  static void encode(Writer& writer, const Time& value) { writer.put(value.to_duration()); }
  static Time decode(Reader& reader) { return Time(reader.get<typename Time::precision>()); }
};

}  // namespace shoal::internal
