// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <queue>
#include <stack>
#include <utility>
#include <valarray>

#include "shoal/codec_containers.hpp"
#include "shoal/codec_way.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

// Codecs of what the standard library makes of its containers.
namespace shoal::internal {

/// The container inside an adaptor, which is its protected member.
template <class Adaptor>
struct InsideOf : Adaptor {
  static const typename Adaptor::container_type& get(const Adaptor& value) {
    return value.*&InsideOf::c;
  }
};

/// as the container inside
template <class Adaptor>
struct AdaptorCodec {
  using Container = typename Adaptor::container_type;
  using Parts = Types<Container>;
  static constexpr std::size_t min_size() { return sum_of_min_sizes(Parts{}); }
  static void encode(Writer& writer, const Adaptor& value) {
    writer.put<Container>(InsideOf<Adaptor>::get(value));
  }
  static Adaptor decode(Reader& reader) { return Adaptor(reader.get<Container>()); }
};

template <class T, class Container>
struct StandardCodec<std::stack<T, Container>> : AdaptorCodec<std::stack<T, Container>> {};
template <class T, class Container>
struct StandardCodec<std::queue<T, Container>> : AdaptorCodec<std::queue<T, Container>> {};

/// The order of the elements is made anew, and not believed.
template <class T, class Container, StatelessKeyFunction Compare>
struct StandardCodec<std::priority_queue<T, Container, Compare>>
    : AdaptorCodec<std::priority_queue<T, Container, Compare>> {
  static std::priority_queue<T, Container, Compare> decode(Reader& reader) {
    return std::priority_queue<T, Container, Compare>(Compare(), reader.get<Container>());
  }
};

/// the number of elements as u64, then the elements
template <class T>
requires(is_raw<T>()) struct StandardCodec<std::valarray<T>> {
  using Parts = Types<T>;
  static constexpr std::size_t min_size() { return sizeof(std::uint64_t); }
  static void encode(Writer& writer, const std::valarray<T>& value) {
    writer.put(std::uint64_t{value.size()});
    if (value.size() != 0) writer.write(std::begin(value), value.size() * sizeof(T));
  }
  static std::valarray<T> decode(Reader& reader) {
    std::valarray<T> value(reader.take_count(sizeof(T)));
    if (value.size() != 0) reader.read(std::begin(value), value.size() * sizeof(T));
    return value;
  }
};

}  // namespace shoal::internal
