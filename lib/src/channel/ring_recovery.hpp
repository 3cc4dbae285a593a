// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bitset>
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
    Estate estate;
    list(dead, estate);
    leave_out_committed(dead, estate);
    free_links(estate);
    for (std::uint32_t x = 0; x < size_.chunks; ++x) {
      if (!estate[x]) continue;
      const std::uint64_t seen = words_.owners[x].load(std::memory_order_acquire);
      drop(x, Owner::unpack(seen));
      ring_.set_free(x, seen);
    }
  }

 private:
  // A bit for each chunk that the dead participant had, and that is in no cell.
  using Estate = std::bitset<kMostChunks>;

  void list(sync::ParticipantId dead, Estate& estate) const noexcept {
    for (std::uint32_t x = 0; x < size_.chunks; ++x) estate[x] = belongs_to(dead, x);
  }

  /// Leaves out what is in a cell, or was: what was put and is in no cell any more was made
  /// another's before its cell was emptied. Nothing comes to belong to the dead any more: so what
  /// did before the look at the cells, and does after it, did all the time.
  void leave_out_committed(sync::ParticipantId dead, Estate& estate) const noexcept {
    for (std::uint32_t i = 0; i < size_.cells; ++i) {
      const Cell cell = Cell::unpack(words_.cells[i].load(std::memory_order_acquire));
      const bool is_there = cell.state == CellState::full || cell.state == CellState::taken;
      if (is_there) estate[cell.chunk] = false;
    }
    for (std::uint32_t x = 0; x < size_.chunks; ++x) {
      if (estate[x]) estate[x] = belongs_to(dead, x);
    }
  }

  void free_links(const Estate& estate) noexcept {
    for (std::uint32_t x = 0; x < size_.chunks; ++x) {
      const std::uint64_t seen = words_.owners[x].load(std::memory_order_acquire);
      const Owner owner = Owner::unpack(seen);
      if (owner.state == ChunkState::link && estate[owner.ref]) ring_.set_free(x, seen);
    }
  }

  bool belongs_to(sync::ParticipantId dead, std::uint32_t x) const noexcept {
    return Owner::unpack(words_.owners[x].load(std::memory_order_acquire)).belongs_to(dead);
  }

  Ring<Platform>& ring_;
  const typename Ring<Platform>::Words words_;
  const RingSize size_;
};

}  // namespace shoal::channel
