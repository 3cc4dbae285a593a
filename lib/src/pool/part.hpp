// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pool/payload.hpp"
#include "shoal/item_encoder.hpp"

namespace shoal::pool {

class Task;

/// The encoded elements of a map, which its parts share.
struct Batch {
  explicit Batch(internal::ItemBatch&& items)
      : bytes(std::move(items.bytes)), item_bytes(items.item_bytes), ends(std::move(items.ends)) {}

  /// Where the arguments of an item begin.
  std::size_t offset_of(std::size_t item) const noexcept {
    if (ends.empty()) return item * item_bytes;
    return item == 0 ? 0 : ends[item - 1];
  }

  Payload bytes;
  std::size_t item_bytes;
  std::vector<std::size_t> ends;
};

/// What makes a task a part of a map: it runs `count` elements, from `first` on. Of these, `done`
/// have a value in the end, and those behind them have the task's error instead. The elements
/// that follow are the `rest`, a task of its own: it splits off when a part is handed to a worker,
/// and when a part ends early.
struct Part {
  std::shared_ptr<const Batch> batch;
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t done = 0;
  std::size_t error_bytes = 0;  ///< of the exception behind the values, at the end of the payload
  std::shared_ptr<Task> rest;
  bool is_dropped = false;  ///< nobody wants the elements any more: those not begun are cancelled
};

}  // namespace shoal::pool
