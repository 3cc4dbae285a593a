// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "base/deadline.hpp"

namespace shoal::sync {

/// A flag to wait for. One shared word of zeros: bit 0 says that it is set, bit 1 that somebody may
/// be asleep, the rest counts how often it was set. Who sleeps has set bit 1 in a word that is not
/// set; set() clears it and wakes all.
///
/// Killed before its wake, a setter leaves sleepers asleep: who notices a death calls wake_all().
template <class Platform>
class Event {
 public:
  /// What a waiter has seen: how often the flag had been set.
  using Epoch = std::uint32_t;

  void set() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & kSet) != 0) {
        // release, although nothing changes: pairs with the acquire in is_past()
        if (swap(seen, seen, std::memory_order_release)) return;
        continue;
      }
      if (swap(seen, ((seen | kSet) & ~kSleepers) + kOne, std::memory_order_release)) break;
    } while (true);
    if ((seen & kSleepers) != 0) wake_all();
  }

  void clear() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    while ((seen & kSet) != 0 && !swap(seen, seen & ~kSet, std::memory_order_acq_rel)) {
    }
  }

  bool is_set() const noexcept { return (word_.load(std::memory_order_acquire) & kSet) != 0; }

  /// A wait begins.
  Epoch begin() const noexcept { return word_.load(std::memory_order_relaxed) & ~kFlags; }

  /// True if the flag is set, or was since begin().
  bool is_past(Epoch begun) const noexcept {
    const Word seen = word_.load(std::memory_order_acquire);  // pairs with the release in set()
    return (seen & kSet) != 0 || (seen & ~kFlags) != begun;
  }

  /// Sleeps while is_past() is false, until `until`, or for nothing.
  void sleep(Epoch begun, base::Deadline until) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & kSet) != 0 || (seen & ~kFlags) != begun) return;
    } while ((seen & kSleepers) == 0 && !swap(seen, seen | kSleepers, std::memory_order_relaxed));
    Platform::wait(word_, seen | kSleepers, until);
  }

  void wake_all() noexcept { Platform::wake(word_, std::numeric_limits<int>::max()); }

 private:
  using Word = std::uint32_t;
  static constexpr Word kSet = 1;
  static constexpr Word kSleepers = 2;
  static constexpr Word kFlags = kSet | kSleepers;
  static constexpr Word kOne = 4;

  bool swap(Word& seen, Word wanted, std::memory_order order) noexcept {
    return word_.compare_exchange_weak(seen, wanted, order, std::memory_order_relaxed);
  }

  typename Platform::template Atomic<Word> word_{};
};

}  // namespace shoal::sync
