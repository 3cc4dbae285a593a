// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "sync/eventcount.hpp"
#include "sync/participant.hpp"

namespace shoal::sync {

/// Counts permits, and who holds how many, so that those of the dead can be given back. Shared
/// words, zeros but for start():
///
///   word                    0          26         40
///                           | value    | author   | sequence          |
///   held[p], pending[p]     0          32
///                           | count    | sequence                     |
///
/// Invariants:
/// 1. Every change is one swap of `word`, which names its author and takes the next sequence
/// number.
///    Before it the author has written in `pending` how many permits it will hold.
/// 2. Who changes `word` has settled the change before: it has copied the `pending` of that author
///    to its `held`, if it is of that change. So `held` is in arrears by one change at most, of
///    which `word` tells whose it is.
/// 3. `pending[p]` is written by p, one thread at a time, which has settled its own last change;
/// after
///    p's death, by the one who recovers.
///
/// Sequence numbers come back after 16 million changes: who stops within a change must go on
/// before.
template <class Platform, unsigned kParticipants = kLastParticipant + 1>
class Semaphore {
 public:
  static constexpr std::uint32_t kMost = (1U << 26) - 1;

  /// Before anybody else has it.
  void start(std::uint32_t value) noexcept {
    word_.store(pack(value, kNobody, 0), std::memory_order_relaxed);
  }

  /// Takes a permit; false if there is none. One thread of `me` at a time.
  bool try_acquire(ParticipantId me) noexcept {
    Word seen = word_.load(std::memory_order_acquire);  // pairs with the release in change()
    for (;;) {
      if (value_of(seen) == 0) return false;
      settle(seen);
      if (change(seen, me, value_of(seen) - 1, held(me) + 1)) return true;
    }
  }

  /// Gives back `count` permits: first those that `me` holds; the rest are new. False if there
  /// would be more than `most`. One thread of `me` at a time.
  bool release(ParticipantId me, std::uint32_t count, std::uint32_t most) noexcept {
    Word seen = word_.load(std::memory_order_acquire);  // pairs with the release in change()
    do {
      if (count > most || value_of(seen) > most - count) return false;
      settle(seen);
    } while (!change(seen, me, value_of(seen) + count, held(me) - std::min(count, held(me))));
    changes_.notify(static_cast<int>(count));
    return true;
  }

  std::uint32_t value() const noexcept { return value_of(word_.load(std::memory_order_acquire)); }

  /// How many `participant` holds, its last change aside while it makes one.
  std::uint32_t held(ParticipantId participant) const noexcept {
    return static_cast<std::uint32_t>(held_[participant].load(std::memory_order_acquire));
  }

  /// Rings once there may be permits.
  Eventcount<Platform>& changes() noexcept { return changes_; }

  /// Enters that `me` holds nothing any more: what it held is used up. As release().
  void forget(ParticipantId me) noexcept {
    Word seen = word_.load(std::memory_order_acquire);  // pairs with the release in change()
    do {
      settle(seen);
      if (held(me) == 0) return;
    } while (!change(seen, me, value_of(seen), 0));
  }

  /// Gives back what a dead participant holds.
  void recover(ParticipantId dead) noexcept {
    Word seen = word_.load(std::memory_order_acquire);  // pairs with the release in change()
    for (;;) {
      settle(seen);
      const std::uint32_t count = held(dead);
      if (count == 0) return;
      if (change(seen, dead, std::min(kMost, value_of(seen) + count), 0)) return;
    }
  }
  void wake_all() noexcept { changes_.notify_all(); }

 private:
  using Word = std::uint64_t;
  using Atomic = typename Platform::template Atomic<Word>;

  static constexpr Word pack(Word value, Word author, Word sequence) noexcept {
    return value | author << 26 | sequence << 40;
  }
  static constexpr Word pack_count(Word count, Word sequence) noexcept {
    return count | sequence << 32;
  }
  static constexpr std::uint32_t value_of(Word word) noexcept {
    return static_cast<std::uint32_t>(word & kMost);
  }
  static constexpr ParticipantId author_of(Word word) noexcept {
    return static_cast<ParticipantId>(word >> 26 & kLastParticipant);
  }
  static constexpr Word sequence_of(Word word) noexcept { return word >> 40; }

  bool change(Word& seen, ParticipantId author, std::uint32_t value, std::uint32_t count) noexcept {
    const Word sequence = (sequence_of(seen) + 1) & 0xffffff;
    // release: who reads this in settle() has not missed that the change before was settled
    pending_[author].store(pack_count(count, sequence), std::memory_order_release);
    const Word wanted = pack(value, author, sequence);
    // release: pairs with each acquire of the word; acquire: what was done before a permit came
    // back
    if (!word_.compare_exchange_strong(seen, wanted, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return false;
    }
    settle(wanted);
    return true;
  }

  // `held` is read first: where it is newer than this change, `pending` is, too.
  void settle(Word word) noexcept {
    const ParticipantId author = author_of(word);
    if (author == kNobody || author >= kParticipants) return;
    Word held = held_[author].load(std::memory_order_acquire);  // pairs with the release below
    const Word pending = pending_[author].load(std::memory_order_acquire);  // pairs with change()'s
    if (pending >> 32 != sequence_of(word) || held == pending) return;
    held_[author].compare_exchange_strong(held, pending, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }

  Atomic word_{};
  Eventcount<Platform> changes_;
  std::array<Atomic, kParticipants> held_{};
  std::array<Atomic, kParticipants> pending_{};
};

}  // namespace shoal::sync
