// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "base/deadline.hpp"
#include "sync/participant.hpp"

namespace shoal::sync {

/// How an attempt to take a lock ended.
enum class Taken { yes, no, owner_died };

/// A lock whose word says who holds it. One shared word of zeros:
///
///   0              14        15        16
///   | owner        | waiters | handoff | died | 0 ...
///
/// Invariants:
/// 1. `owner` changes by one compare-and-swap that names the new one: there is no moment at which
///    the lock is held and nobody is known to hold it.
/// 2. Who sleeps has set `waiters`, and swaps itself in with `waiters` set once it has slept: it
///    cannot know whether others sleep. unlock() clears it and wakes one.
/// 3. Who was woken and leaves without the lock has set `waiters` again: no wake is kept.
/// 4. `handoff` was set by one who has waited for long. While it is set, those who have not slept
///    yet wait too, and so the lock goes to a sleeper. Who takes it that way, or leaves, clears it.
/// 5. `died` was set in the place of an owner that died, by the one who recovers, or by an owner
///    who gave up: the lock is free, and is taken by take_over() alone.
///
/// Killed before its wake, an unlocking owner leaves sleepers asleep: who notices a death calls
/// recover() and then wake_all().
template <class Platform>
class Lock {
 public:
  /// One who wants the lock.
  struct Waiter {
    ParticipantId id = kNobody;
    bool has_slept = false;
    bool is_impatient = false;  ///< it has waited for long: the next to take the lock is a sleeper
  };

  /// Takes it if it is free. Does not care who has waited for how long.
  Taken try_take(ParticipantId me) noexcept {
    Word seen = 0;
    while ((seen & kOwner) == 0) {
      if ((seen & kDied) != 0) return Taken::owner_died;
      if (swap(seen, seen | me, std::memory_order_acquire)) return Taken::yes;  // as in unlock()
    }
    return Taken::no;
  }

  /// The same, unless it goes to one who has waited for long.
  Taken try_take_in_turn(const Waiter& waiter) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    while ((seen & kDied) == 0) {
      if (!is_free_for(seen, waiter)) return Taken::no;
      if (take(seen, waiter)) return Taken::yes;
    }
    return Taken::owner_died;
  }

  /// Takes it, or sleeps until it may be free, `until`, or for nothing.
  Taken take_or_sleep(Waiter& waiter, base::Deadline until) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & kDied) != 0) return Taken::owner_died;
      if (is_free_for(seen, waiter)) {
        if (take(seen, waiter)) return Taken::yes;
        continue;
      }
      const Word wanted = seen | kWaiters | (waiter.is_impatient ? kHandoff : 0);
      if (wanted != seen && !swap(seen, wanted, std::memory_order_relaxed)) continue;
      waiter.has_slept = true;
      Platform::wait(word_, wanted, until);
      return Taken::no;
    }
  }

  /// The last attempt of one who leaves without it.
  Taken give_up(const Waiter& waiter) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & kDied) != 0) return Taken::owner_died;
      if (is_free_for(seen, waiter)) {
        if (take(seen, waiter)) return Taken::yes;
        continue;
      }
      if (!waiter.has_slept) return Taken::no;
      // The wake that was meant for this one goes to another; so does the lock. Swapped in any
      // case: what was read may be old, and the bit gone.
      const Word wanted = (seen | kWaiters) & ~kHandoff;
      if (swap(seen, wanted, std::memory_order_relaxed)) return Taken::no;
    }
  }

  /// Frees it, whoever took it. False if nobody had.
  bool unlock() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & kOwner) == 0) return false;
      // release: pairs with the acquire of who takes it next
    } while (!swap(seen, seen & kHandoff, std::memory_order_release));
    if ((seen & kWaiters) != 0) Platform::wake(word_, 1);
    return true;
  }

  /// Takes it from an owner that died; false if none has.
  bool take_over(ParticipantId me) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    while ((seen & kDied) != 0) {
      if (swap(seen, me | kWaiters, std::memory_order_acquire)) return true;  // as in recover()
    }
    return false;
  }

  /// The owner has not mended what the lock guards: it is as if it had died.
  void abandon(ParticipantId me) noexcept {
    recover(me);
    wake_all();
  }

  /// Frees it of an owner that is dead, and all others of one who may have waited for it.
  void recover(ParticipantId dead) noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      const Word wanted = (seen & kOwner) == dead ? kDied : seen & ~kHandoff;
      // What the dead one wrote, and who recovers has seen, is seen by who takes it over.
      if (wanted == seen || swap(seen, wanted, std::memory_order_acq_rel)) return;
    }
  }
  void wake_all() noexcept { Platform::wake(word_, std::numeric_limits<int>::max()); }

  bool is_held() const noexcept { return owner() != kNobody; }
  ParticipantId owner() const noexcept {
    return static_cast<ParticipantId>(word_.load(std::memory_order_relaxed) & kOwner);
  }

 private:
  using Word = std::uint32_t;
  static constexpr Word kOwner = kLastParticipant;
  static constexpr Word kWaiters = 1U << 14;
  static constexpr Word kHandoff = 1U << 15;
  static constexpr Word kDied = 1U << 16;

  static bool is_free_for(Word seen, const Waiter& waiter) noexcept {
    return (seen & kOwner) == 0 && (waiter.has_slept || (seen & kHandoff) == 0);
  }

  bool take(Word& seen, const Waiter& waiter) noexcept {
    const Word mine = waiter.has_slept ? waiter.id | kWaiters : seen | waiter.id;
    return swap(seen, mine, std::memory_order_acquire);  // pairs with the release in unlock()
  }

  bool swap(Word& seen, Word wanted, std::memory_order order) noexcept {
    return word_.compare_exchange_weak(seen, wanted, order, std::memory_order_relaxed);
  }

  typename Platform::template Atomic<Word> word_{};
};

}  // namespace shoal::sync
