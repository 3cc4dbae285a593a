// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "channel/ring.hpp"
#include "sync/eventcount.hpp"
#include "sync/hardware.hpp"
#include "sync/participant.hpp"

// The memory of a queue, behind the header that all shared objects have.
//
//   0x0000  QueueSize: written once, before anybody else has the queue
//   0x0040  tail | 0x0080 head                    channel/ring_layout.hpp
//   0x00c0  items: sleep there for a message
//   0x0100  room: for a place | 0x0140 memory: for chunks | 0x0180 joins: for the last task_done()
//   0x01c0  watchers: somebody waits for several things; ring the bell
//   0x0200  participants: all ids in use are below
//   0x1000  tallies, one for each participant     32 bytes x 16384
//   then    cells 8 x N | owners 8 x K | chunks 1024 x K, each from a page's boundary
//
// Invariants:
// 1. What is unfinished is the number of messages put less all `done`. A tally is written by its
// own
//    process alone, and by the hub after its death.
// 2. A consumer counts a message in `taken` while its chunk is still READ, having said so in
//    `counting`: {chunk, version, what `taken` was}. So the hub can tell a message that a dead
//    consumer has counted from one that it has not. What a dead consumer took is done.
//
// Most of the file is never touched: it takes memory as it is used, by as many chunks as there were
// messages at once.

namespace shoal::shared {

using sync::Hardware;
using QueueRing = channel::Ring<Hardware>;

inline constexpr std::size_t kChunkBytes = 1 << 10;
inline constexpr std::uint32_t kChunks = 1 << 16;      ///< 64 MiB
inline constexpr std::uint32_t kDefaultBound = 32768;  ///< messages
inline constexpr std::uint32_t kLargestBound =
    kChunks - 4096;  ///< what is left is being written or read

struct QueueSize {
  channel::RingSize ring;
  std::uint32_t has_tallies = 0;
};

struct Tally {
  std::atomic<std::uint64_t> done;
  std::atomic<std::uint64_t> taken;
  std::atomic<std::uint64_t> counting;
  std::uint64_t unused;
};

/// The message that a consumer is about to count, and what `taken` was, each cut to what tells it
/// from its neighbours.
struct Counting {
  static constexpr std::uint64_t kVersionMask = (1ULL << 24) - 1;
  static constexpr std::uint64_t kTakenMask = (1ULL << 23) - 1;

  std::uint64_t chunk = 0;
  std::uint64_t version = 0;
  std::uint64_t taken = 0;

  std::uint64_t pack() const noexcept {
    return 1ULL << 63 | chunk << 47 | (version & kVersionMask) << 23 | (taken & kTakenMask);
  }
  /// Of a word that was never written: a chunk that there is not.
  static Counting unpack(std::uint64_t word) noexcept {
    if (word == 0) return {kChunks, 0, 0};
    return {word >> 47 & 0xffff, word >> 23 & kVersionMask, word & kTakenMask};
  }
};

using Changes = sync::Eventcount<Hardware>;

struct QueuePage {
  QueueSize size;
  alignas(64) std::atomic<std::uint64_t> tail;
  alignas(64) std::atomic<std::uint64_t> head;
  alignas(64) Changes items;
  alignas(64) Changes room;
  alignas(64) Changes memory;
  alignas(64) Changes joins;
  alignas(64) std::atomic<std::uint32_t> watchers;
  alignas(64) std::atomic<std::uint32_t> participants;
};
static_assert(sizeof(QueuePage) <= 0x1000);
static_assert(offsetof(QueuePage, head) == 0x80 && offsetof(QueuePage, items) == 0xc0);
static_assert(offsetof(QueuePage, watchers) == 0x1c0 && offsetof(QueuePage, participants) == 0x200);

inline constexpr std::size_t kPageBytes = 4 << 10;

/// Where the parts of a queue's memory begin.
struct QueuePlan {
  explicit QueuePlan(const QueueSize& size) noexcept
      : cells(kPageBytes + (size.has_tallies != 0 ? kTallyBytes : 0)),
        owners(cells + whole_pages(std::size_t{size.ring.cells} * sizeof(std::uint64_t))),
        chunks(owners + whole_pages(std::size_t{size.ring.chunks} * sizeof(std::uint64_t))),
        end(chunks + std::size_t{size.ring.chunks} * kChunkBytes) {}

  static constexpr std::size_t kTallyBytes = (sync::kLastParticipant + 1UL) * sizeof(Tally);
  static constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  }

  std::size_t cells;
  std::size_t owners;
  std::size_t chunks;
  std::size_t end;
};

/// A queue's memory, its numbers checked: what handles and the hub work on.
struct QueueMemory {
  /// None where the memory is not that of a queue.
  static std::optional<QueueMemory> view(std::span<std::byte> memory) noexcept;

  QueuePage& page() const noexcept { return *reinterpret_cast<QueuePage*>(memory.data()); }
  Tally& tally(sync::ParticipantId id) const noexcept {
    return reinterpret_cast<Tally*>(memory.data() + kPageBytes)[id];
  }
  QueueRing::Words words() const noexcept;
  std::span<std::byte> chunks() const noexcept { return memory.subspan(QueuePlan(size).chunks); }

  /// Messages that have been got, and not reported as done.
  std::uint64_t unfinished(std::uint64_t put) const noexcept;

  std::span<std::byte> memory;
  QueueSize size;
};

}  // namespace shoal::shared
