// SPDX-License-Identifier: Apache-2.0
#include "shared/recover_sync.hpp"

#include "shared/sync_layouts.hpp"
#include "shared/value_layout.hpp"

namespace shoal::shared {
namespace {

// As many slots as the object says to have, or as there are: nothing in it is believed.
sync::Barrier<sync::Hardware> barrier_in(BarrierMemory& header, std::span<std::byte> memory) {
  return {header.words,
          BarrierMemory::slots(memory, header.parties.load(std::memory_order_relaxed))};
}

}  // namespace

void recover_lock(const Recovery& recovery) noexcept {
  if (auto* lock = find_in<LockMemory>(recovery.memory)) lock->word.recover(recovery.dead);
}
void wake_lock(std::span<std::byte> memory) noexcept {
  if (auto* lock = find_in<LockMemory>(memory)) lock->word.wake_all();
}

void recover_semaphore(const Recovery& recovery) noexcept {
  if (auto* found = find_in<SemaphoreMemory>(recovery.memory)) found->words.recover(recovery.dead);
}
void wake_semaphore(std::span<std::byte> memory) noexcept {
  if (auto* semaphore = find_in<SemaphoreMemory>(memory)) semaphore->words.wake_all();
}

void recover_condition(const Recovery& recovery) noexcept {
  if (auto* found = find_in<ConditionMemory>(recovery.memory)) found->words.recover(recovery.dead);
}
void wake_condition(std::span<std::byte> memory) noexcept {
  if (auto* condition = find_in<ConditionMemory>(memory)) condition->words.wake_all();
}

void wake_event(std::span<std::byte> memory) noexcept {
  if (auto* event = find_in<EventMemory>(memory)) event->word.wake_all();
}

void recover_barrier(const Recovery& recovery) noexcept {
  if (auto* found = find_in<BarrierMemory>(recovery.memory)) {
    barrier_in(*found, recovery.memory).recover(recovery.dead);
  }
}
void wake_barrier(std::span<std::byte> memory) noexcept {
  if (auto* found = find_in<BarrierMemory>(memory)) barrier_in(*found, memory).wake_all();
}

void wake_atomic(std::span<std::byte> memory) noexcept {
  if (auto* page = find_in<ValuePage>(memory)) page->changes.notify_all();
}

}  // namespace shoal::shared
