// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

#include "shoal/function.hpp"
#include "shoal/writer.hpp"

namespace shoal::internal {

/// The encoded arguments of many calls of one function, one behind the other.
struct ItemBatch {
  Writer bytes;
  std::size_t count = 0;
  std::size_t item_bytes = 0;     ///< of each, where `ends` is empty
  std::vector<std::size_t> ends;  ///< of each, where they differ in size
  /// Counts the elements that have run, whatever became of them, for Progress; none: nobody asks.
  std::shared_ptr<std::atomic<std::size_t>> counter = {};
};

/// What is called for the elements of a map; fails to compile, with the reason, if it cannot be.
template <class F, class... Args>
CallTarget checked_items_target(const F& fn) {
  require_task<F, Args...>();
  if constexpr (TaskCallable<F, Args...>) {
    return items_target(fn, Types<Args...>{});
  } else {
    return {};
  }
}

/// Encodes the elements of a map. An element that carries descriptors gets a batch of its own.
class ItemEncoder {
 public:
  explicit ItemEncoder(WriterMemory& memory) noexcept : memory_(memory), writer_(memory) {}

  /// Encodes the calls of `fn` with one element of each range, up to the end of the shortest, and
  /// says what is called.
  template <class F, class... Ranges>
  CallTarget encode(const F& fn, Ranges&... ranges) {
    if constexpr (sizeof...(Ranges) == 1 && (is_plain_range<F, Ranges> && ...)) {
      (encode_whole(ranges), ...);
    } else {
      encode_each(fn, ranges...);
    }
    return checked_items_target<F, std::ranges::range_reference_t<Ranges>...>(fn);
  }

  /// Encodes one more call. What cannot be encoded leaves no trace.
  template <class F, class... Args>
  void add(const F& fn, Args&&... args) {
    try {
      encode_call(writer_, fn, std::forward<Args>(args)...);
    } catch (...) {
      writer_.truncate(begin_);
      throw;
    }
    close_item();
  }

  /// Gives the batches, in the order of the elements.
  std::vector<ItemBatch> finish() &&;

 private:
  // Numbers that stand in memory as they stand in the message.
  template <class F, class Range>
  static constexpr bool is_plain_range = [] {
    if constexpr (std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range>) {
      using Value = std::ranges::range_value_t<Range>;
      return is_plain_number<Value> && takes_one<F, Value>();
    } else {
      return false;
    }
  }();

  template <class Range>
  void encode_whole(Range& range) {
    using Value = std::ranges::range_value_t<Range>;
    count_ = std::ranges::size(range);
    item_bytes_ = sizeof(Value);
    writer_.reserve(count_ * sizeof(Value));
    writer_.write(std::ranges::data(range), count_ * sizeof(Value));
  }

  template <class F, class... Ranges>
  void encode_each(const F& fn, Ranges&... ranges) {
    std::tuple begins(std::ranges::begin(ranges)...);
    const std::tuple ends(std::ranges::end(ranges)...);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      for (; ((std::get<I>(begins) != std::get<I>(ends)) && ...); (++std::get<I>(begins), ...)) {
        encode_call(writer_, fn, *std::get<I>(begins)...);
        close_item();
      }
    }
    (std::index_sequence_for<Ranges...>());
  }

  void close_item() {
    const std::size_t end = writer_.bytes().size();
    if (ends_.empty() && end - begin_ == item_bytes_ && writer_.descriptors().empty()) {
      ++count_;
      begin_ = end;
    } else {
      close_odd_item(end);
    }
  }
  void close_odd_item(std::size_t end);
  void close_batch();

  WriterMemory& memory_;
  std::vector<ItemBatch> batches_;
  // The batch at work:
  Writer writer_;
  std::size_t count_ = 0;
  std::size_t begin_ = 0;  // of the item at work
  std::size_t item_bytes_ = 0;
  std::vector<std::size_t> ends_;
};

}  // namespace shoal::internal
