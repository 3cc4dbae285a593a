// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "channel/ring_layout.hpp"

namespace shoal::channel {

template <class Platform>
class RingRecovery;

/// What became of an attempt to put or to get.
enum class Passage { done, no_room, empty, closed };

/// A ring of chunks that any process may put into and take from, and that outlives each of them at
/// any instruction (ring_layout.hpp has the rules). Never waits. Knows nothing of what is in a
/// chunk. Safe from many threads and processes. Source: Vyukov's bounded queue, with the owner's
/// name in every claim.
template <class Platform>
class Ring {
 public:
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;
  using ParticipantId = sync::ParticipantId;

  struct Words {
    Atomic<std::uint64_t>* tail;
    Atomic<std::uint64_t>* head;
    Atomic<std::uint64_t>* cells;
    Atomic<std::uint64_t>* owners;
  };

  Ring(const Words& words, const RingSize& size) noexcept
      : words_(words), size_(size), cells_log_(std::countr_zero(size.cells)) {}

  // --- chunks -----------------------------------------------------------------------------------

  /// Makes the chunk `x` the caller's if it is free.
  bool claim(std::uint32_t x, ParticipantId self) noexcept {
    std::uint64_t seen = words_.owners[x].load(std::memory_order_relaxed);
    const Owner owner = Owner::unpack(seen);
    if (owner.state != ChunkState::free) return false;
    const Owner mine{owner.version + 1, self, ChunkState::owned};
    // acquire: what its last reader did with it comes before; pairs with the release in give_back()
    return words_.owners[x].compare_exchange_strong(seen, mine.pack(), std::memory_order_acq_rel,
                                                    std::memory_order_relaxed);
  }

  /// Ties a chunk of the caller's to the first one of the message that it goes on with.
  void link(std::uint32_t x, std::uint32_t first) noexcept {
    const Owner owner = Owner::unpack(words_.owners[x].load(std::memory_order_relaxed));
    const Owner linked{owner.version, static_cast<std::uint16_t>(first), ChunkState::link};
    words_.owners[x].store(linked.pack(), std::memory_order_release);
  }

  /// Frees a chunk that was linked to the caller's `first`.
  void unlink(std::uint32_t x, std::uint32_t first) noexcept {
    std::uint64_t seen = words_.owners[x].load(std::memory_order_relaxed);
    const Owner owner = Owner::unpack(seen);
    if (owner.state != ChunkState::link || owner.ref != first) return;
    set_free(x, seen);
  }

  /// Frees a chunk of the caller's own; those linked to it have been freed.
  void give_back(std::uint32_t x, ParticipantId self) noexcept {
    std::uint64_t seen = words_.owners[x].load(std::memory_order_relaxed);
    if (Owner::unpack(seen).belongs_to(self)) set_free(x, seen);
  }

  /// How often the chunk has been claimed.
  std::uint32_t version(std::uint32_t x) const noexcept {
    return Owner::unpack(words_.owners[x].load(std::memory_order_relaxed)).version;
  }

  // --- messages ---------------------------------------------------------------------------------

  /// Puts the message that begins in the caller's chunk `x`: done, no_room or closed.
  Passage put(std::uint32_t x, std::uint64_t& known_head) noexcept {
    for (;;) {
      std::uint64_t tail = words_.tail->load(std::memory_order_acquire);
      Atomic<std::uint64_t>& word = words_.cells[index_of(tail)];
      std::uint64_t seen = word.load(std::memory_order_acquire);
      const Cell cell = Cell::unpack(seen);
      const std::uint32_t cycle = cycle_of(tail);
      if (cell.state == CellState::closed) return Passage::closed;
      if (cell.cycle == cycle && cell.state == CellState::empty) {
        if (!has_room(tail, known_head)) {
          if (words_.tail->load(std::memory_order_acquire) == tail) return Passage::no_room;
          continue;
        }
        const Cell full{cycle, static_cast<std::uint16_t>(x), sync::kNobody, CellState::full};
        // release: the message comes with it; pairs with the acquire in get()
        if (!word.compare_exchange_strong(seen, full.pack(), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
          continue;
        }
        move_on(*words_.tail, tail);
        return Passage::done;
      }
      if (!is_behind(cell.cycle, cycle)) {
        move_on(*words_.tail, tail);
      } else if (cell.state == CellState::taken) {
        finish(index_of(tail), seen);  // for one who has stopped before emptying it
      } else if (words_.tail->load(std::memory_order_acquire) == tail) {
        return Passage::no_room;  // only where somebody scribbles: invariant 8
      }
    }
  }

  /// Takes the oldest message: its first chunk, which is the caller's then.
  Passage get(ParticipantId self, std::uint32_t& x) noexcept {
    for (;;) {
      std::uint64_t head = words_.head->load(std::memory_order_acquire);
      const std::uint64_t at = index_of(head);
      std::uint64_t seen = words_.cells[at].load(std::memory_order_acquire);
      const Cell cell = Cell::unpack(seen);
      const std::uint32_t cycle = cycle_of(head);
      if (cell.cycle == cycle && cell.state == CellState::full) {
        const Cell taken{cycle, cell.chunk, self, CellState::taken};
        if (!words_.cells[at].compare_exchange_strong(seen, taken.pack(), std::memory_order_acq_rel,
                                                      std::memory_order_relaxed)) {
          continue;
        }
        move_on(*words_.head, head);
        finish(at, taken.pack());
        if (cell.chunk >= size_.chunks) continue;  // scribbled: there is no such message
        x = cell.chunk;
        return Passage::done;
      }
      if (cell.cycle == cycle && cell.state == CellState::closed) return Passage::closed;
      const bool is_unwritten =
          is_behind(cell.cycle, cycle) || (cell.cycle == cycle && cell.state == CellState::empty);
      if (!is_unwritten) {
        move_on(*words_.head, head);
      } else if (words_.head->load(std::memory_order_acquire) == head) {
        return Passage::empty;
      }
    }
  }

  /// Puts the end behind the last message, once.
  void close() noexcept {
    for (;;) {
      std::uint64_t tail = words_.tail->load(std::memory_order_acquire);
      Atomic<std::uint64_t>& word = words_.cells[index_of(tail)];
      std::uint64_t seen = word.load(std::memory_order_acquire);
      const Cell cell = Cell::unpack(seen);
      const std::uint32_t cycle = cycle_of(tail);
      if (cell.state == CellState::closed) return;
      if (cell.cycle == cycle && cell.state == CellState::empty) {
        const Cell end{cycle, 0, sync::kNobody, CellState::closed};
        if (word.compare_exchange_strong(seen, end.pack(), std::memory_order_acq_rel,
                                         std::memory_order_relaxed)) {
          return;
        }
      } else if (is_behind(cell.cycle, cycle)) {
        if (cell.state == CellState::taken) finish(index_of(tail), seen);
      } else {
        move_on(*words_.tail, tail);
      }
    }
  }

  bool is_closed() const noexcept {
    const std::uint64_t tail = words_.tail->load(std::memory_order_acquire);
    const std::uint64_t seen = words_.cells[index_of(tail)].load(std::memory_order_acquire);
    return Cell::unpack(seen).state == CellState::closed;
  }

  /// How many messages have been put, and got, at one moment.
  struct Count {
    std::uint64_t put = 0;
    std::uint64_t got = 0;
  };
  Count count() noexcept {
    for (;;) {
      const std::uint64_t head = settle(*words_.head, CellState::taken);
      const std::uint64_t tail = settle(*words_.tail, CellState::full);
      // Neither moves back: if the head stands where it stood, the two belong together.
      if (settle(*words_.head, CellState::taken) == head) return {tail, head};
    }
  }

 private:
  friend class RingRecovery<Platform>;

  // There are a power of two cells: no division.
  std::uint64_t index_of(std::uint64_t position) const noexcept {
    return position & (size_.cells - 1);
  }
  std::uint32_t cycle_of(std::uint64_t position) const noexcept {
    return static_cast<std::uint32_t>(position >> cells_log_);
  }
  static bool is_behind(std::uint32_t cycle, std::uint32_t other) noexcept {
    return static_cast<std::int32_t>(cycle - other) < 0;
  }

  /// `known_head` is what the caller knows of the head, which never moves back.
  /// A head beyond `tail` says that `tail` is an old one: that is no lack of room.
  bool has_room(std::uint64_t tail, std::uint64_t& known_head) noexcept {
    const auto is_below_limit = [&] {
      return static_cast<std::int64_t>(tail - known_head) < std::int64_t{size_.limit};
    };
    if (is_below_limit()) return true;
    known_head = settle(*words_.head, CellState::taken);
    return is_below_limit();
  }

  /// Moves `position` past a cell that has come to `state` in its cycle, and gives where it stands.
  std::uint64_t settle(Atomic<std::uint64_t>& position, CellState state) noexcept {
    for (;;) {
      std::uint64_t at = position.load(std::memory_order_acquire);
      const Cell cell = Cell::unpack(words_.cells[index_of(at)].load(std::memory_order_acquire));
      const std::uint32_t cycle = cycle_of(at);
      if (is_behind(cell.cycle, cycle)) return at;
      if (cell.cycle == cycle && (cell.state < state || cell.state == CellState::closed)) {
        return at;
      }
      move_on(position, at);
    }
  }

  void move_on(Atomic<std::uint64_t>& position, std::uint64_t from) noexcept {
    position.compare_exchange_strong(from, from + 1, std::memory_order_acq_rel,
                                     std::memory_order_relaxed);
  }

  /// Does what the taker of a cell has still to do: makes the chunk the taker's, empties the cell.
  void finish(std::uint64_t at, std::uint64_t taken) noexcept {
    const Cell cell = Cell::unpack(taken);
    if (cell.chunk >= size_.chunks) return empty_cell(at, taken);  // scribbled
    std::uint64_t owner = words_.owners[cell.chunk].load(std::memory_order_acquire);
    if (words_.cells[at].load(std::memory_order_acquire) != taken) return;
    const Owner mine{Owner::unpack(owner).version, cell.taker, ChunkState::read};
    if (owner != mine.pack()) {
      words_.owners[cell.chunk].compare_exchange_strong(
          owner, mine.pack(), std::memory_order_acq_rel, std::memory_order_relaxed);
    }
    empty_cell(at, taken);
  }

  void empty_cell(std::uint64_t at, std::uint64_t taken) noexcept {
    const Cell empty{Cell::unpack(taken).cycle + 1, 0, sync::kNobody, CellState::empty};
    words_.cells[at].compare_exchange_strong(taken, empty.pack(), std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
  }

  void set_free(std::uint32_t x, std::uint64_t seen) noexcept {
    const Owner free{Owner::unpack(seen).version, 0, ChunkState::free};
    // release: what was read or written there comes before; pairs with the acquire in claim()
    words_.owners[x].compare_exchange_strong(seen, free.pack(), std::memory_order_release,
                                             std::memory_order_relaxed);
  }

  Words words_;
  RingSize size_;
  int cells_log_;
};

}  // namespace shoal::channel
