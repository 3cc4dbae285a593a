// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#include "channel/chunks.hpp"
#include "channel/ring_recovery.hpp"
#include "sync/hardware.hpp"

namespace shoal::test {

/// A ring of chunks in memory that forked children share. A message is a number; each third one is
/// so long that it takes three chunks.
class RingRoom {
 public:
  using Hardware = sync::Hardware;
  static constexpr std::uint32_t kCells = 4;
  static constexpr std::uint32_t kLimit = 3;
  static constexpr std::uint64_t kTorn = ~std::uint64_t{0};

  RingRoom()
      : words_(new (::mmap(nullptr, sizeof(Words), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) Words()) {}
  ~RingRoom() { ::munmap(words_, sizeof(Words)); }
  RingRoom(const RingRoom&) = delete;
  RingRoom& operator=(const RingRoom&) = delete;

  /// Writes a message into chunks; there are always enough.
  std::uint32_t store(std::uint64_t value, sync::ParticipantId self) {
    std::array<std::uint64_t, kLong> numbers;
    numbers.fill(value);
    const std::size_t count = value % 3 == 0 ? kLong : 1;
    return chunks_.store(std::as_bytes(std::span(numbers).first(count)), 0, self, search_);
  }
  /// Puts what was stored, or throws it away.
  channel::Passage put(std::uint32_t first, sync::ParticipantId self) {
    std::uint64_t known_head = known_head_.load(std::memory_order_relaxed);
    const channel::Passage passage = ring_.put(first, known_head);
    known_head_.store(known_head, std::memory_order_relaxed);
    if (passage != channel::Passage::done) chunks_.release(first, self);
    return passage;
  }
  channel::Passage get(sync::ParticipantId self, std::uint32_t& first) {
    return ring_.get(self, first);
  }
  /// Reads a message that was got, and frees its chunks.
  std::uint64_t load(std::uint32_t first, sync::ParticipantId self) {
    std::array<std::uint64_t, kLong> numbers{};
    const channel::ChunkHead head = chunks_.head(first);
    const std::size_t count = std::min<std::size_t>(head.size / 8, kLong);
    bool is_whole =
        chunks_.load(first, head, std::as_writable_bytes(std::span(numbers).first(count)));
    is_whole = is_whole && head.size == 8 * (numbers[0] % 3 == 0 ? kLong : 1);
    for (std::size_t i = 1; i < count; ++i) is_whole = is_whole && numbers[i] == numbers[0];
    chunks_.release(first, self);
    return is_whole ? numbers[0] : kTorn;
  }

  void close() { ring_.close(); }
  channel::Ring<Hardware>::Count count() { return ring_.count(); }
  void recover(sync::ParticipantId dead) {
    channel::RingRecovery<Hardware> recovery(ring_);
    recovery.run(dead, [](std::uint32_t, const channel::Owner&) {});
  }
  std::size_t free_chunks() const {
    return static_cast<std::size_t>(std::ranges::count_if(words_->owners, [](const auto& word) {
      return channel::Owner::unpack(word.load()).state == channel::ChunkState::free;
    }));
  }
  static constexpr std::uint32_t kChunks = 48;

 private:
  static constexpr std::size_t kLong = 5;  // numbers
  static constexpr std::size_t kStride = 2 * 8 + sizeof(channel::ChunkHead);

  struct Words {
    std::atomic<std::uint64_t> tail;
    std::atomic<std::uint64_t> head;
    std::array<std::atomic<std::uint64_t>, kCells> cells;
    std::array<std::atomic<std::uint64_t>, kChunks> owners;
    alignas(16) std::array<std::byte, kChunks * kStride> memory;
  };

  Words* const words_;
  channel::Ring<Hardware> ring_{
      {&words_->tail, &words_->head, words_->cells.data(), words_->owners.data()},
      {.cells = kCells, .limit = kLimit, .chunks = kChunks}};
  channel::Chunks<Hardware> chunks_{ring_, words_->memory, kChunks};
  channel::Chunks<Hardware>::Search search_;
  std::atomic<std::uint64_t> known_head_{0};
};

}  // namespace shoal::test
