// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "channel/ring.hpp"

namespace shoal::channel {

/// Frees what a dead participant has left in a ring, while the living go on using it. For one at a
/// time; may be begun anew at any point.
template <class Platform>
class RingRecovery {
 public:
  explicit RingRecovery(Ring<Platform>& ring) noexcept
      : ring_(ring), words_(ring.words_), size_(ring.size_) {}

  /// Frees what the dead participant had; `drop(x, owner)` is told each of its chunks before that
  /// is free: the first of a message, or (owned, not read) one whose bytes may still be those of an
  /// earlier message. Allocates nothing.
  template <class Drop>
  void run(sync::ParticipantId dead, Drop&& drop) noexcept {
    for (std::uint32_t i = 0; i < size_.cells; ++i) {
      const std::uint64_t seen = words_.cells[i].load(std::memory_order_acquire);
      const Cell cell = Cell::unpack(seen);
      if (cell.state == CellState::taken && cell.taker == dead) ring_.finish(i, seen);
    }
    for (std::uint32_t from = 0; from < size_.chunks;) {
      Estate estate;
      from = list(dead, from, estate);
      leave_out_committed(estate);
      free_links(estate);
      for (std::uint32_t i = 0; i < estate.count; ++i) {
        const Had& had = estate.items[i];
        if (had.is_left_out) continue;
        drop(had.chunk, Owner::unpack(had.owner));
        ring_.set_free(had.chunk, had.owner);
      }
    }
  }

 private:
  // Chunks that a dead participant may have had, in the order of their numbers.
  struct Had {
    std::uint32_t chunk;
    std::uint64_t owner;
    bool is_left_out;
  };
  struct Estate {
    static constexpr std::uint32_t kMost = 64;
    std::array<Had, kMost> items;
    std::uint32_t count = 0;

    Had* find(std::uint32_t chunk) noexcept {
      const auto end = items.begin() + count;
      const auto at = std::lower_bound(items.begin(), end, chunk, [](const Had& had, auto wanted) {
        return had.chunk < wanted;
      });
      return at != end && at->chunk == chunk ? &*at : nullptr;
    }
  };

  /// Lists chunks of the dead from `from` on; gives where to go on.
  std::uint32_t list(sync::ParticipantId dead, std::uint32_t from, Estate& estate) noexcept {
    for (; from < size_.chunks && estate.count < Estate::kMost; ++from) {
      const std::uint64_t seen = words_.owners[from].load(std::memory_order_acquire);
      if (!Owner::unpack(seen).belongs_to(dead)) continue;
      estate.items[estate.count++] = {from, seen, false};
    }
    return from;
  }

  /// Leaves out what is in a cell, or was: what was put and is in no cell any more was made
  /// another's before its cell was emptied, so its word has changed since it was listed.
  void leave_out_committed(Estate& estate) noexcept {
    for (std::uint32_t i = 0; i < size_.cells && estate.count != 0; ++i) {
      const Cell cell = Cell::unpack(words_.cells[i].load(std::memory_order_acquire));
      if (cell.state != CellState::full && cell.state != CellState::taken) continue;
      if (Had* const had = estate.find(cell.chunk)) had->is_left_out = true;
    }
    for (std::uint32_t i = 0; i < estate.count; ++i) {
      Had& had = estate.items[i];
      if (words_.owners[had.chunk].load(std::memory_order_acquire) != had.owner) {
        had.is_left_out = true;
      }
    }
  }

  void free_links(Estate& estate) noexcept {
    for (std::uint32_t x = 0; x < size_.chunks && estate.count != 0; ++x) {
      const std::uint64_t seen = words_.owners[x].load(std::memory_order_acquire);
      const Owner owner = Owner::unpack(seen);
      if (owner.state != ChunkState::link) continue;
      const Had* const first = estate.find(owner.ref);
      if (first != nullptr && !first->is_left_out) ring_.set_free(x, seen);
    }
  }

  Ring<Platform>& ring_;
  const typename Ring<Platform>::Words words_;
  const RingSize size_;
};

}  // namespace shoal::channel
