// SPDX-License-Identifier: Apache-2.0
#include "shared/recover_queue.hpp"

#include "channel/chunks.hpp"
#include "channel/ring_recovery.hpp"
#include "shared/queue_layout.hpp"

namespace shoal::shared {
namespace {

// What a dead consumer has got is done: nobody else will say so.
void settle_tally(const QueueMemory& queue, sync::ParticipantId dead,
                  std::uint64_t uncounted) noexcept {
  if (queue.size.has_tallies == 0) return;
  Tally& tally = queue.tally(dead);
  const std::uint64_t taken = tally.taken.load(std::memory_order_acquire) + uncounted;
  if (tally.done.load(std::memory_order_acquire) < taken) {
    tally.done.store(taken, std::memory_order_release);
  }
  tally.taken.store(tally.done.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

// True where the dead consumer had counted the message in `chunk`, or was about to and is counted
// now.
bool was_counted(const QueueMemory& queue, sync::ParticipantId dead, std::uint32_t chunk,
                 const channel::Owner& owner) noexcept {
  Tally& tally = queue.tally(dead);
  const Counting counting = Counting::unpack(tally.counting.load(std::memory_order_acquire));
  if (counting.chunk != chunk || counting.version != (owner.version & Counting::kVersionMask)) {
    return false;
  }
  const std::uint64_t taken = tally.taken.load(std::memory_order_acquire);
  return (taken & Counting::kTakenMask) != counting.taken;
}

}  // namespace

void recover_queue(const Recovery& recovery) noexcept {
  const auto queue = QueueMemory::view(recovery.memory);
  if (!queue) return;
  QueueRing ring(queue->words(), queue->size.ring);
  channel::Chunks<Hardware> chunks(ring, queue->chunks(), queue->size.ring.chunks);
  std::uint64_t uncounted = 0;
  channel::RingRecovery<Hardware>(ring).run(
      recovery.dead, [&](std::uint32_t chunk, const channel::Owner& owner) {
        if (const std::uint64_t token = chunks.head(chunk).token) recovery.drop_deposit(token);
        if (owner.state != channel::ChunkState::read || queue->size.has_tallies == 0) return;
        if (!was_counted(*queue, recovery.dead, chunk, owner)) ++uncounted;
      });
  settle_tally(*queue, recovery.dead, uncounted);
}

void wake_queue(std::span<std::byte> memory) noexcept {
  const auto queue = QueueMemory::view(memory);
  if (!queue) return;
  for (Changes* const changes :
       {&queue->page().items, &queue->page().room, &queue->page().memory, &queue->page().joins}) {
    changes->notify_all();
  }
}

}  // namespace shoal::shared
