// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/participant.hpp"

// The words of a queue's ring. Messages lie in chunks; the ring's cells say which, in their order.
//
//   cell   63      32 31      16 15       2 1     0
//          |  cycle  |  chunk   |  taker  | state |
//
//   owner  63      32 31      18 17       2 1     0       one for each chunk
//          | version |          |   ref   | state |
//
// A cell goes EMPTY(c) -> FULL(c, x) -> TAKEN(c, x, o) -> EMPTY(c + 1); position t uses cell
// t % cells in cycle t / cells. A chunk goes FREE -> OWNED by its producer -> (in a cell) -> READ
// by its consumer -> FREE; a message's further chunks are LINKed to its first meanwhile.
//
// Every change of hands is one compare-and-swap that names the new owner: no chunk ever belongs to
// nobody, and nobody who stops halfway keeps others from going on. Invariants:
//
//  1. FULL is the commit of a put, TAKEN that of a get. What is in no FULL or TAKEN cell has not
//  been
//     put, or has been got.
//  2. `tail` and `head` lag at most one position behind the cells; anybody may move them on.
//  3. The chunk of a TAKEN cell is the taker's before the cell is EMPTY again; anybody may do both.
//  4. Only its owner moves a chunk on to FREE, or into a cell: so what a dead participant owned and
//     is in no cell can be freed.
//  5. LINK(x -> h): h is not FREE. Further chunks are linked before the commit and freed before h.
//  6. `version` grows whenever a chunk leaves FREE: who remembers an older word fails.
//  7. CLOSED takes the place of the EMPTY cell at the tail: no put commits after it, and every get
//     comes to it.
//  8. At most `limit` positions lie between head and tail, fewer than there are cells: the cell at
//     the tail is never FULL of the cycle before.
//
// Zeros are an empty ring.

namespace shoal::channel {

enum class CellState : std::uint32_t { empty = 0, full = 1, taken = 2, closed = 3 };

struct Cell {
  std::uint32_t cycle = 0;
  std::uint16_t chunk = 0;
  sync::ParticipantId taker = sync::kNobody;
  CellState state = CellState::empty;

  std::uint64_t pack() const noexcept {
    return std::uint64_t{cycle} << 32 | std::uint64_t{chunk} << 16 |
           (std::uint64_t{taker} & sync::kLastParticipant) << 2 | static_cast<std::uint64_t>(state);
  }
  static Cell unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint16_t>(word >> 16),
            static_cast<sync::ParticipantId>(word >> 2 & sync::kLastParticipant),
            static_cast<CellState>(word & 3)};
  }
};

enum class ChunkState : std::uint32_t { free = 0, owned = 1, read = 2, link = 3 };

struct Owner {
  std::uint32_t version = 0;
  std::uint16_t ref = 0;  ///< owned, read: the participant; link: the message's first chunk
  ChunkState state = ChunkState::free;

  std::uint64_t pack() const noexcept {
    return std::uint64_t{version} << 32 | std::uint64_t{ref} << 2 |
           static_cast<std::uint64_t>(state);
  }
  static Owner unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint16_t>(word >> 2),
            static_cast<ChunkState>(word & 3)};
  }
  bool belongs_to(sync::ParticipantId id) const noexcept {
    return ref == id && (state == ChunkState::owned || state == ChunkState::read);
  }
};

/// A chunk's number has 16 bits.
inline constexpr std::uint32_t kMostChunks = 1U << 16;

/// How many cells and chunks a ring has; each process keeps what it has checked.
struct RingSize {
  std::uint32_t cells = 0;   ///< a power of two, at least 2
  std::uint32_t limit = 0;   ///< of messages; less than cells
  std::uint32_t chunks = 0;  ///< at most kMostChunks
};

}  // namespace shoal::channel
