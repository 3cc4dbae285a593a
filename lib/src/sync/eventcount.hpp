// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "base/deadline.hpp"

namespace shoal::sync {

/// Lets processes sleep until something that they have looked for in vain may have changed.
///
///     sleeper                              publisher
///     key = prepare()                      publish
///     look; found: done                    notify_one()
///     wait(key, deadline); again
///
/// One shared word of zeros, which everybody writes: bit 0 says that somebody may be asleep, the
/// rest counts. Invariants:
///
/// 1. Who sleeps has set the bit before its last look; a publisher looks at the bit after it
///    published. The fences between order the two: one of them sees the other.
/// 2. The bit is cleared only by a publisher whose wake found nobody, and only if the word is what
///    that publisher made it: every prepare() changes the word.
///
/// A sleeper killed in between leaves the bit: it costs the next publisher one system call. A
/// publisher killed before its wake leaves sleepers asleep: whoever notices its death calls
/// notify_all(). A sleeper that was woken and stopped before it looked keeps the wake for itself:
/// hence several sleepers look again from time to time (kSecondLook).
template <class Platform>
class Eventcount {
 public:
  using Key = std::uint32_t;

  /// Announces a sleeper. What was published before is seen by the look that follows.
  Key prepare() noexcept {
    Key seen = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(seen, (seen + kOne) | kSleepers, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
    }
    Platform::fence();  // pairs with the one in notify()
    return (seen + kOne) | kSleepers;
  }

  /// Sleeps until notified, `deadline`, or for nothing.
  void wait(Key key, base::Deadline deadline) const noexcept {
    Platform::wait(word_, key, deadline);
  }

  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(std::numeric_limits<int>::max()); }

  /// Wakes up to `count` sleepers; called after what they wait for was published.
  void notify(int count) noexcept {
    Platform::fence();  // pairs with the one in prepare()
    notify_fenced(count);
  }

  /// Likewise, by one who has had a fence since it published.
  void notify_fenced(int count) noexcept {
    Key seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & kSleepers) == 0) return;
    } while (!word_.compare_exchange_weak(seen, seen + kOne, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    seen += kOne;
    if (Platform::wake(word_, count) != 0) return;
    word_.compare_exchange_strong(seen, seen & ~kSleepers, std::memory_order_relaxed,
                                  std::memory_order_relaxed);
  }

 private:
  static constexpr Key kSleepers = 1;
  static constexpr Key kOne = 2;

  typename Platform::template Atomic<Key> word_{};
};

}  // namespace shoal::sync
