// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/codec_values.hpp"
#include "shoal/codec_way.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

// Codecs of the standard containers: the number of elements as u64, then the elements.
namespace shoal::internal {

[[noreturn]] void fail_empty_elements(std::size_t count);
[[noreturn]] void fail_duplicate_key();

// --- contiguous, copied whole ------------------------------------------------------------------

template <class Container>
void encode_raw(Writer& writer, const Container& value) {
  const std::size_t bytes = value.size() * sizeof(*value.data());
  writer.reserve(sizeof(std::uint64_t) + bytes);
  writer.put(std::uint64_t{value.size()});
  writer.write(value.data(), bytes);
}

/// Appends what stands unaligned at `bytes`, by way of an aligned buffer that stays in the cache.
template <class Container, class T = typename Container::value_type>
void append_unaligned(Container& value, std::span<const std::byte> bytes) {
  constexpr std::size_t kStep = std::max(std::size_t{1}, 4096 / sizeof(T)) * sizeof(T);
  alignas(T) std::array<std::byte, kStep> buffer;
  while (!bytes.empty()) {
    const std::size_t step = std::min(kStep, bytes.size());
    std::memcpy(buffer.data(), bytes.data(), step);
    const T* const first = reinterpret_cast<const T*>(buffer.data());
    value.insert(value.end(), first, first + step / sizeof(T));
    bytes = bytes.subspan(step);
  }
}

/// Makes a vector or string straight from the bytes: its memory is not written twice.
template <class Container>
Container decode_raw(Reader& reader) {
  using T = typename Container::value_type;
  const std::size_t count = reader.take_count(sizeof(T));
  const std::span<const std::byte> bytes = reader.take(count * sizeof(T));
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0) {
    const T* const first = reinterpret_cast<const T*>(bytes.data());
    return Container(first, first + count);
  }
  Container value;
  value.reserve(count);
  append_unaligned(value, bytes);
  return value;
}

template <class C, class Traits, class Allocator>
requires(is_raw<C>()) struct StandardCodec<std::basic_string<C, Traits, Allocator>> {
  using String = std::basic_string<C, Traits, Allocator>;
  using Parts = Types<C>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const String& value) { encode_raw(writer, value); }
  static String decode(Reader& reader) { return decode_raw<String>(reader); }
};

/// A value that is one length and then its memory: it may be read where another process could
/// still change it, since nothing in it is looked at twice.
template <class T>
inline constexpr bool is_bulk_container = false;
template <class T, class Allocator>
inline constexpr bool is_bulk_container<std::vector<T, Allocator>> = is_raw<T>();
template <class C, class Traits, class Allocator>
inline constexpr bool is_bulk_container<std::basic_string<C, Traits, Allocator>> = is_raw<C>();
template <class T>
constexpr bool is_bulk() noexcept {
  return is_bulk_container<T>;
}

// --- one element after the other ---------------------------------------------------------------

/// Writes the elements of `value`, which are `count`.
template <class Container>
void encode_elements(Writer& writer, const Container& value, std::size_t count) {
  using Element = typename Container::value_type;
  const Nesting nesting(writer);
  writer.put(std::uint64_t{count});
  const std::size_t before = writer.bytes().size();
  for (const auto& element : value) writer.put<Element>(element);
  if constexpr (min_encoded_size<Element>() == 0) {  // what the reader will refuse, we do not send
    const std::size_t written = writer.bytes().size() - before;
    if (count > std::max(written, kMaxEmptyElements)) fail_empty_elements(count);
  }
}

/// Calls `add(element)` for each element. `prepare(n)` is told of n elements that are sure to fit
/// in a few times the memory of the message.
template <class Element, class Prepare, class Add>
void decode_elements(Reader& reader, Prepare prepare, Add add) {
  const Nesting nesting(reader);
  const std::size_t count = reader.take_count(min_encoded_size<Element>());
  prepare(std::min(count, reader.remaining() / sizeof(Element) + 1));
  for (std::size_t i = 0; i < count; ++i) add(reader.get<Element>());
}

template <class Container>
Container decode_sequence(Reader& reader) {
  using Element = typename Container::value_type;
  Container value;
  decode_elements<Element>(
      reader,
      [&]([[maybe_unused]] std::size_t count) {
        if constexpr (requires { value.reserve(count); }) value.reserve(count);
      },
      [&](Element&& element) { value.push_back(std::move(element)); });
  return value;
}

template <class T, class Allocator>
struct StandardCodec<std::vector<T, Allocator>> {
  using Vector = std::vector<T, Allocator>;
  using Parts = Types<T>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const Vector& value) {
    if constexpr (is_raw<T>()) {
      encode_raw(writer, value);
    } else {
      encode_elements(writer, value, value.size());
    }
  }
  static Vector decode(Reader& reader) {
    if constexpr (is_raw<T>()) {
      return decode_raw<Vector>(reader);
    } else {
      return decode_sequence<Vector>(reader);
    }
  }
};

/// Lists and queues, which are not contiguous.
template <class Container>
struct SequenceCodec {
  using Parts = Types<typename Container::value_type>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const Container& value) {
    encode_elements(writer, value, value.size());
  }
  static Container decode(Reader& reader) { return decode_sequence<Container>(reader); }
};

template <class T, class Allocator>
struct StandardCodec<std::deque<T, Allocator>> : SequenceCodec<std::deque<T, Allocator>> {};
template <class T, class Allocator>
struct StandardCodec<std::list<T, Allocator>> : SequenceCodec<std::list<T, Allocator>> {};

template <class T, class Allocator>
struct StandardCodec<std::forward_list<T, Allocator>> {
  using List = std::forward_list<T, Allocator>;
  using Parts = Types<T>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const List& value) {
    encode_elements(writer, value,
                    static_cast<std::size_t>(std::distance(value.begin(), value.end())));
  }
  static List decode(Reader& reader) {
    List value;
    auto last = value.before_begin();
    decode_elements<T>(
        reader, [](std::size_t) {},
        [&](T&& element) { last = value.insert_after(last, std::move(element)); });
    return value;
  }
};

/// The elements, whose number is known.
template <class T, std::size_t N>
struct StandardCodec<std::array<T, N>> {
  using Parts = Types<T>;
  static constexpr bool kIsRaw = is_raw<T>() && N > 0;
  static constexpr std::size_t min_size() { return N * min_encoded_size<T>(); }
  static void encode(Writer& writer, const std::array<T, N>& value) {
    if constexpr (kIsRaw) {
      writer.write(value.data(), sizeof value);
    } else {
      for (const T& element : value) writer.put(element);
    }
  }
  static std::array<T, N> decode(Reader& reader) {
    if constexpr (kIsRaw) {
      std::array<std::byte, sizeof(std::array<T, N>)> bytes;
      reader.read(bytes.data(), bytes.size());
      return std::bit_cast<std::array<T, N>>(bytes);
    } else {
      return decode_in_order(reader, std::make_index_sequence<N>{});
    }
  }

 private:
  template <std::size_t... I>
  static std::array<T, N> decode_in_order([[maybe_unused]] Reader& reader,
                                          std::index_sequence<I...>) {
    return {{(static_cast<void>(I), reader.get<T>())...}};
  }
};

// --- by key ------------------------------------------------------------------------------------

/// Sets: elements arrive in the order in which they stood.
template <class Container, bool IsUnique>
struct SetCodec {
  using Key = typename Container::key_type;
  using Parts = Types<Key>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const Container& value) {
    encode_elements(writer, value, value.size());
  }
  static Container decode(Reader& reader) {
    Container value;
    decode_elements<Key>(
        reader, [](std::size_t) {},
        [&](Key&& key) {
          const std::size_t before = value.size();
          value.emplace_hint(value.end(), std::move(key));
          if (IsUnique && value.size() == before) fail_duplicate_key();
        });
    return value;
  }
};

/// Maps: key, value, key, value…
template <class Container, bool IsUnique>
struct MapCodec {
  using Entry = std::pair<typename Container::key_type, typename Container::mapped_type>;
  using Parts = Types<typename Container::key_type, typename Container::mapped_type>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const Container& value) {
    encode_elements(writer, value, value.size());
  }
  static Container decode(Reader& reader) {
    Container value;
    decode_elements<Entry>(
        reader, [](std::size_t) {},
        [&](Entry&& entry) {
          const std::size_t before = value.size();
          value.emplace_hint(value.end(), std::move(entry.first), std::move(entry.second));
          if (IsUnique && value.size() == before) fail_duplicate_key();
        });
    return value;
  }
};

/// Orders, hashes or compares keys without a state, which would not travel: the other side's
/// container has one made anew.
template <class F>
concept StatelessKeyFunction = std::is_empty_v<F> && std::is_default_constructible_v<F>;

// clang-format off
template <class K, StatelessKeyFunction C, class A>
struct StandardCodec<std::set<K, C, A>> : SetCodec<std::set<K, C, A>, true> {};
template <class K, StatelessKeyFunction C, class A>
struct StandardCodec<std::multiset<K, C, A>> : SetCodec<std::multiset<K, C, A>, false> {};
template <class K, StatelessKeyFunction H, StatelessKeyFunction E, class A>
struct StandardCodec<std::unordered_set<K, H, E, A>>
    : SetCodec<std::unordered_set<K, H, E, A>, true> {};
template <class K, StatelessKeyFunction H, StatelessKeyFunction E, class A>
struct StandardCodec<std::unordered_multiset<K, H, E, A>>
    : SetCodec<std::unordered_multiset<K, H, E, A>, false> {};
template <class K, class V, StatelessKeyFunction C, class A>
struct StandardCodec<std::map<K, V, C, A>> : MapCodec<std::map<K, V, C, A>, true> {};
template <class K, class V, StatelessKeyFunction C, class A>
struct StandardCodec<std::multimap<K, V, C, A>> : MapCodec<std::multimap<K, V, C, A>, false> {};
template <class K, class V, StatelessKeyFunction H, StatelessKeyFunction E, class A>
struct StandardCodec<std::unordered_map<K, V, H, E, A>>
    : MapCodec<std::unordered_map<K, V, H, E, A>, true> {};
template <class K, class V, StatelessKeyFunction H, StatelessKeyFunction E, class A>
struct StandardCodec<std::unordered_multimap<K, V, H, E, A>>
    : MapCodec<std::unordered_multimap<K, V, H, E, A>, false> {};
// clang-format on

}  // namespace shoal::internal
