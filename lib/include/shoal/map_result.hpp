// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <iterator>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "shoal/future.hpp"

namespace shoal {

/// The results of a map, in the order of its input: an input range, read once, by one thread.
/// Destroying it cancels the elements that have not started.
template <class T>
class MapResult {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  class Iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;

    /// Waits for this element and gives its value, or throws what became of it.
    Value operator*() const {
      Future<T>& future = result_->futures_[result_->next_];
      if constexpr (std::is_void_v<T>) {
        future.get();
        return {};
      } else {
        return future.get();
      }
    }
    Iterator& operator++() {
      result_->futures_[result_->next_++] = Future<T>();  // its memory is free from here on
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) {
      return at.result_->size() == 0;
    }

   private:
    friend class MapResult;
    explicit Iterator(MapResult* result) : result_(result) {}
    MapResult* result_;
  };

  MapResult() = default;
  MapResult(MapResult&& other) noexcept
      : futures_(std::exchange(other.futures_, {})), next_(std::exchange(other.next_, 0)) {}
  MapResult& operator=(MapResult&& other) noexcept {
    std::swap(futures_, other.futures_);
    std::swap(next_, other.next_);
    return *this;
  }
  ~MapResult() {
    // From the back: a worker that gives one up must not be handed the next.
    for (std::size_t i = futures_.size(); i-- > next_;) futures_[i].abandon();
  }

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }
  /// How many elements are left.
  std::size_t size() const noexcept { return futures_.size() - next_; }

 private:
  friend class ProcessPoolExecutor;
  void add(Future<T> future) { futures_.push_back(std::move(future)); }

  std::vector<Future<T>> futures_;
  std::size_t next_ = 0;
};

namespace internal {

/// Calls `fn` with an iterator into each range, step by step, up to the end of the shortest.
template <class Fn, class... Ranges>
void for_each_zipped(Fn& fn, Ranges&... ranges) {
  std::tuple begins(std::ranges::begin(ranges)...);
  const std::tuple ends(std::ranges::end(ranges)...);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    for (; ((std::get<I>(begins) != std::get<I>(ends)) && ...); (++std::get<I>(begins), ...)) {
      fn(std::get<I>(begins)...);
    }
  }
  (std::index_sequence_for<Ranges...>());
}

}  // namespace internal

}  // namespace shoal
