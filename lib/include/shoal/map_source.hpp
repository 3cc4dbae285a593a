// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <ranges>
#include <tuple>
#include <utility>

#include "shoal/function.hpp"
#include "shoal/item_encoder.hpp"

namespace shoal::internal {

/// How a map that is read little by little is run.
struct MapStyle {
  bool is_ordered = true;     ///< results come in the order of the input
  bool is_leisurely = false;  ///< reads on only as long as that costs little time
  bool stays = false;         ///< results can be walked over again
};

/// The input of a map that is read little by little.
class MapSource {
 public:
  MapSource() = default;
  MapSource(const MapSource&) = delete;
  MapSource& operator=(const MapSource&) = delete;
  virtual ~MapSource() = default;
  /// Encodes the next elements, `count` at most, and tells how many; fewer only at the end.
  virtual std::size_t read(ItemEncoder& items, std::size_t count) = 0;
};

/// Walks along ranges together, up to the end of the shortest; lvalues are referred to, rvalues
/// owned.
template <class... Ranges>
class RangeWalk {
 public:
  explicit RangeWalk(Ranges&&... ranges) : ranges_(std::forward<Ranges>(ranges)...) {}

  /// To the next element, as late as can be: it may take its time to come, or throw. False at the
  /// end.
  bool advance() {
    if (is_read_) std::apply([](auto&... at) { (++at, ...); }, at_);
    is_read_ = false;
    is_read_ = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((std::get<I>(at_) != std::ranges::end(std::get<I>(ranges_))) && ...);
    }
    (std::index_sequence_for<Ranges...>());
    return is_read_;
  }
  /// Calls `fn` with the iterators at the element.
  template <class F>
  decltype(auto) apply(F fn) {
    return std::apply(fn, at_);
  }

 private:
  std::tuple<Ranges...> ranges_;
  std::tuple<std::ranges::iterator_t<Ranges>...> at_ = std::apply(
      [](auto&... ranges) { return std::tuple(std::ranges::begin(ranges)...); }, ranges_);
  bool is_read_ = false;  // the element at which it stands
};

/// The elements of ranges as arguments of F.
template <class F, class... Ranges>
class RangeSource final : public MapSource {
 public:
  explicit RangeSource(F fn, Ranges&&... ranges)
      : fn_(std::move(fn)), walk_(std::forward<Ranges>(ranges)...) {}

  std::size_t read(ItemEncoder& items, std::size_t count) override {
    return walk_.apply([&](auto&... at) {
      std::size_t done = 0;
      for (; done < count && walk_.advance(); ++done) items.add(fn_, *at...);
      return done;
    });
  }

 private:
  F fn_;
  RangeWalk<Ranges...> walk_;
};

}  // namespace shoal::internal
