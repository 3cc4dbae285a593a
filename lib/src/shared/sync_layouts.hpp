// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shoal/error.hpp"
#include "sync/barrier.hpp"
#include "sync/condition.hpp"
#include "sync/event.hpp"
#include "sync/hardware.hpp"
#include "sync/lock.hpp"
#include "sync/semaphore.hpp"

// What stands in the memory of locks and the like, behind the object's header. What is no word of
// an algorithm is written by who makes the object, before anybody else has it.

namespace shoal::shared {

struct LockMemory {
  sync::Lock<sync::Hardware> word;
  std::atomic<std::uint32_t> is_taken_over;  ///< lock() takes it from an owner that died
};

struct SemaphoreMemory {
  std::atomic<std::uint32_t> most;  ///< permits there can be
  sync::Semaphore<sync::Hardware> words;
};

struct ConditionMemory {
  sync::Condition<sync::Hardware> words;
};

struct EventMemory {
  sync::Event<sync::Hardware> word;
};

/// The slots of the parties follow.
struct BarrierMemory {
  using Slot = sync::Barrier<sync::Hardware>::Slot;

  std::atomic<std::uint32_t> parties;
  std::atomic<std::int64_t> timeout;  ///< of arrive_and_wait(), in nanoseconds
  sync::BarrierWords<sync::Hardware> words;

  /// As many as there are parties, or as fit the memory.
  static std::span<Slot> slots(std::span<std::byte> memory, std::size_t parties) noexcept;
};

// The types of handles of one kind.
inline constexpr std::uint64_t kPlain = 0;
inline constexpr std::uint64_t kReentrant = 1;  ///< a lock: RLock
inline constexpr std::uint64_t kBounded = 1;    ///< a semaphore: BoundedSemaphore

/// The memory as a `Memory`; none if it is too small for one.
template <class Memory>
Memory* find_in(std::span<std::byte> memory) noexcept {
  return memory.size() < sizeof(Memory) ? nullptr : reinterpret_cast<Memory*>(memory.data());
}

/// The same of a handle that arrived.
/// @throws CodecError  it is too small
template <class Memory>
Memory& memory_in(std::span<std::byte> memory) {
  if (Memory* const found = find_in<Memory>(memory)) return *found;
  throw CodecError("a handle arrived of an object that is too small for what it should be");
}

inline std::span<BarrierMemory::Slot> BarrierMemory::slots(std::span<std::byte> memory,
                                                           std::size_t parties) noexcept {
  if (memory.size() < sizeof(BarrierMemory)) return {};
  const std::span<std::byte> rest = memory.subspan(sizeof(BarrierMemory));
  return {reinterpret_cast<Slot*>(rest.data()), std::min(parties, rest.size() / sizeof(Slot))};
}

}  // namespace shoal::shared
