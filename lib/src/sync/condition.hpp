// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "base/deadline.hpp"
#include "sync/participant.hpp"

namespace shoal::sync {

/// Lets some wait until another says that something may have changed: exactly so many as he says,
/// in the order in which they came. Shared words of zeros; each who waits has a slot:
///
///   word    0       2         16
///           | state | who     | order                      |
///   bell    counts wakes; its owner sleeps on it
///
/// Invariants:
/// 1. free -> waiting is swapped by who waits; waiting -> notified by who notifies; both -> free by
///    who waited, or after its death by the one who recovers. An order is used once, and stays in
///    the word: no swap succeeds late.
/// 2. Slots that are in use, or were, have a number below `used`.
/// 3. A notified slot stays until its owner says that it has taken notice: what was said to one
///    that died first is said to another.
///
/// Killed between its swap and its ring, who notifies leaves a notified one asleep: who notices a
/// death calls wake_all().
template <class Platform, unsigned kSlots = 4096>
class Condition {
 public:
  /// Where somebody waits.
  struct Place {
    unsigned slot;
    std::uint64_t waiting;  ///< the slot's word as long as nobody has notified it
  };

  /// Begins to wait; nothing if all slots are taken. What is notified from now on may be for this.
  std::optional<Place> enter(ParticipantId me) noexcept {
    const Word order = next_order_.fetch_add(1, std::memory_order_relaxed);
    const Word waiting = pack(kWaiting, me, order);
    for (unsigned i = 0; i < kSlots; ++i) {
      Word seen = slots_[i].word.load(std::memory_order_relaxed);
      if (state_of(seen) != kFree) continue;
      use(i);
      if (swap(i, seen, waiting)) return Place{i, waiting};
    }
    return std::nullopt;
  }

  bool is_notified(const Place& place) const noexcept {
    return slots_[place.slot].word.load(std::memory_order_acquire) != place.waiting;
  }

  /// Sleeps unless notified, until `until`, or for nothing.
  void sleep(const Place& place, base::Deadline until) const noexcept {
    const auto& bell = slots_[place.slot].bell;
    const std::uint32_t rung =
        bell.load(std::memory_order_acquire);  // pairs with the one in ring()
    if (!is_notified(place)) Platform::wait(bell, rung, until);
  }

  /// Ends the wait; true if it had been notified.
  bool leave(const Place& place) noexcept {
    Word seen = place.waiting;
    const Word order = order_of(seen);
    if (swap(place.slot, seen, pack(kFree, kNobody, order))) return false;
    slots_[place.slot].word.store(pack(kFree, kNobody, order), std::memory_order_release);
    return true;
  }

  /// Wakes the `count` who have waited longest, or all there are; tells how many.
  unsigned notify(unsigned count) noexcept {
    unsigned notified = 0;
    while (notified < count && notify_oldest()) ++notified;
    return notified;
  }

  /// Wakes all who wait now.
  void notify_all() noexcept {
    const unsigned used = used_.load(std::memory_order_acquire);
    for (unsigned i = 0; i < used; ++i) {
      Word seen = slots_[i].word.load(std::memory_order_acquire);
      if (state_of(seen) == kWaiting && swap(i, seen, notified(seen))) ring(i);
    }
  }

  /// Frees the slots of a dead participant, and says to others what had been said to it.
  void recover(ParticipantId dead) noexcept {
    unsigned unheard = 0;
    const unsigned used = used_.load(std::memory_order_acquire);
    for (unsigned i = 0; i < used; ++i) {
      Word seen = slots_[i].word.load(std::memory_order_acquire);
      while (state_of(seen) != kFree && who_of(seen) == dead) {
        if (!swap(i, seen, pack(kFree, kNobody, order_of(seen)))) continue;
        if (state_of(seen) == kNotified) ++unheard;
        break;
      }
    }
    notify(unheard);
  }
  void wake_all() noexcept {
    const unsigned used = used_.load(std::memory_order_acquire);
    for (unsigned i = 0; i < used; ++i) {
      if (state_of(slots_[i].word.load(std::memory_order_acquire)) != kFree) ring(i);
    }
  }

 private:
  using Word = std::uint64_t;
  static constexpr Word kFree = 0, kWaiting = 1, kNotified = 2;

  struct Slot {
    typename Platform::template Atomic<Word> word{};
    typename Platform::template Atomic<std::uint32_t> bell{};
  };

  static constexpr Word pack(Word state, Word who, Word order) noexcept {
    return state | who << 2 | order << 16;
  }
  static constexpr Word state_of(Word word) noexcept { return word & 3; }
  static constexpr ParticipantId who_of(Word word) noexcept {
    return static_cast<ParticipantId>(word >> 2 & kLastParticipant);
  }
  static constexpr Word order_of(Word word) noexcept { return word >> 16; }
  static constexpr Word notified(Word waiting) noexcept {
    return pack(kNotified, who_of(waiting), order_of(waiting));
  }

  bool swap(unsigned slot, Word& seen, Word wanted) noexcept {
    return slots_[slot].word.compare_exchange_strong(seen, wanted, std::memory_order_acq_rel,
                                                     std::memory_order_acquire);
  }

  void use(unsigned slot) noexcept {
    std::uint32_t used = used_.load(std::memory_order_relaxed);
    while (used <= slot && !used_.compare_exchange_weak(used, slot + 1, std::memory_order_release,
                                                        std::memory_order_relaxed)) {
    }
  }

  bool notify_oldest() noexcept {
    for (;;) {
      unsigned oldest = kSlots;
      Word word = 0;
      const unsigned used = used_.load(std::memory_order_acquire);
      for (unsigned i = 0; i < used; ++i) {
        const Word seen = slots_[i].word.load(std::memory_order_acquire);
        if (state_of(seen) != kWaiting) continue;
        if (oldest != kSlots && order_of(seen) > order_of(word)) continue;
        oldest = i;
        word = seen;
      }
      if (oldest == kSlots) return false;
      if (!swap(oldest, word, notified(word))) continue;
      ring(oldest);
      return true;
    }
  }

  // release: whoever sees the bell rung sees why
  void ring(unsigned slot) noexcept {
    slots_[slot].bell.fetch_add(1, std::memory_order_acq_rel);
    Platform::wake(slots_[slot].bell, 1);
  }

  typename Platform::template Atomic<Word> next_order_{};
  typename Platform::template Atomic<std::uint32_t> used_{};
  std::array<Slot, kSlots> slots_{};
};

}  // namespace shoal::sync
