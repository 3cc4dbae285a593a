// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pool/ledger.hpp"
#include "pool/payload.hpp"
#include "shoal/item_encoder.hpp"

namespace shoal::pool {

class Task;

/// The encoded elements of a map, which its parts share.
struct Batch {
  explicit Batch(internal::ItemBatch&& items)
      : bytes(std::move(items.bytes)),
        item_bytes(items.item_bytes),
        ends(std::move(items.ends)),
        counter(std::move(items.counter)) {}

  /// Where the arguments of an item begin.
  std::size_t offset_of(std::size_t item) const noexcept {
    if (ends.empty()) return item * item_bytes;
    return item == 0 ? 0 : ends[item - 1];
  }

  /// So many items have run.
  void count_done(std::size_t items) const noexcept {
    if (counter != nullptr) counter->fetch_add(items, std::memory_order_relaxed);
  }

  Payload bytes;
  std::size_t item_bytes;
  std::vector<std::size_t> ends;
  std::shared_ptr<std::atomic<std::size_t>> counter;
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
  std::size_t chunksize = 0;  ///< how many elements go together; 0: chosen by measuring
  std::shared_ptr<Ledger> ledger = nullptr;  ///< where it is entered when it ends; none then
  std::shared_ptr<Task> self = nullptr;      ///< with a ledger, until it ends
  std::shared_ptr<Task> next_ended = nullptr;  ///< behind it in the ledger
  bool is_taken = false;  ///< from the ledger, by its one reader, who alone looks at this
};

}  // namespace shoal::pool
