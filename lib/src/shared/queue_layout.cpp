// SPDX-License-Identifier: Apache-2.0
#include "shared/queue_layout.hpp"

#include <algorithm>
#include <bit>

namespace shoal::shared {

std::optional<QueueMemory> QueueMemory::view(std::span<std::byte> memory) noexcept {
  if (memory.size() < kPageBytes) return std::nullopt;
  QueueMemory queue{memory, {}};
  Hardware::read(&queue.size, memory.data(), sizeof queue.size);
  const channel::RingSize& ring = queue.size.ring;
  const bool is_sound = std::has_single_bit(ring.cells) && ring.limit >= 1 &&
                        ring.limit < ring.cells && ring.cells <= 2 * kChunks && ring.chunks >= 1 &&
                        ring.chunks <= kChunks && QueuePlan(queue.size).end == memory.size();
  if (!is_sound) return std::nullopt;
  return queue;
}

QueueRing::Words QueueMemory::words() const noexcept {
  const QueuePlan plan(size);
  return {&page().tail, &page().head,
          reinterpret_cast<std::atomic<std::uint64_t>*>(memory.data() + plan.cells),
          reinterpret_cast<std::atomic<std::uint64_t>*>(memory.data() + plan.owners)};
}

std::uint64_t QueueMemory::unfinished(std::uint64_t put) const noexcept {
  const std::uint32_t ids = std::min<std::uint32_t>(
      page().participants.load(std::memory_order_acquire), sync::kLastParticipant + 1U);
  std::uint64_t done = 0;
  for (std::uint32_t id = 0; id < ids; ++id) {
    done += tally(static_cast<sync::ParticipantId>(id)).done.load(std::memory_order_acquire);
  }
  return put > done ? put - done : 0;
}

}  // namespace shoal::shared
