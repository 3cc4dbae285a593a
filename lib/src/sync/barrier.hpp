// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

#include "sync/eventcount.hpp"
#include "sync/participant.hpp"

namespace shoal::sync {

/// The words of a barrier beside its slots: zeros.
template <class Platform>
struct BarrierWords {
  typename Platform::template Atomic<std::uint64_t> control{};
  Eventcount<Platform> changes{};
};

/// Where so many as there are slots wait for each other, again and again.
///
///   control  0        1              12             24
///            | broken | since reset  | since pass   | generation            |
///   slot     0       14
///            | who   | generation of the arrival + 1                        |
///
/// Invariants:
/// 1. A generation ends by one swap of `control`, which names the next: by the last to arrive (it
/// is
///    passed), or by reset(). It may be broken before, by another swap.
/// 2. Slots are claimed in their order: who claims one has seen all before it claimed in the same
///    generation. A slot's generation only grows. So an arrival is counted in the moment in which
///    it is known whose it is, and one party in each generation is the first, and one the last.
/// 3. `since reset` counts generations since the last one that a reset ended, `since pass` since
///    the last that was passed (0: none was), each up to 2047: by these a party that wakes late
///    finds out how its generation ended. Where more take part than there are slots, it may be told
///    of a break although it passed, if a reset and another pass came first.
///
/// A party that dies within a generation breaks it: recover(). Killed before its wake, who ends a
/// generation leaves sleepers asleep: who notices a death calls wake_all().
template <class Platform>
class Barrier {
 public:
  using Slot = typename Platform::template Atomic<std::uint64_t>;

  Barrier(BarrierWords<Platform>& words, std::span<Slot> slots) noexcept
      : control_(words.control), changes_(words.changes), slots_(slots) {}

  enum class State { arrived, full, broken };
  struct Arrival {
    State state;  ///< full: all are there, and about to go on; try again after the next change
    unsigned index;
    std::uint64_t generation;
    bool is_last(std::size_t parties) const noexcept { return index + 1 == parties; }
  };

  Arrival arrive(ParticipantId me) noexcept {
    for (;;) {
      const Word control = control_.load(std::memory_order_acquire);  // pairs with swap()'s release
      const Word generation = generation_of(control);
      if ((control & kBroken) != 0) return {State::broken, 0, generation};
      unsigned index = 0;
      while (index < slots_.size() && !claim(slots_[index], me, generation)) ++index;
      if (index < slots_.size()) return {State::arrived, index, generation};
      if (control_.load(std::memory_order_acquire) == control) return {State::full, 0, generation};
    }
  }

  enum class Outcome { pending, passed, broken };
  Outcome outcome(std::uint64_t generation) const noexcept {
    const Word control = control_.load(std::memory_order_acquire);  // pairs with swap()'s release
    const Word passed_since = generation_of(control) - generation;
    if (passed_since == 0) return (control & kBroken) != 0 ? Outcome::broken : Outcome::pending;
    const Word reset = since_reset_of(control);
    if (reset >= std::min(passed_since, kLongSince)) return Outcome::passed;
    const bool is_last_pass = since_pass_of(control) == passed_since && passed_since < kLongSince;
    return is_last_pass ? Outcome::passed : Outcome::broken;
  }

  /// Who arrived last lets all go on; false if the generation was broken or reset instead.
  bool pass(std::uint64_t generation) noexcept {
    Word seen = control_.load(std::memory_order_relaxed);
    do {
      if (generation_of(seen) != generation || (seen & kBroken) != 0) return false;
    } while (!swap(seen, pack(generation + 1, grown(since_reset_of(seen)), 1)));
    changes_.notify_all();
    return true;
  }

  /// Breaks `generation`, if it has not ended.
  void break_open(std::uint64_t generation) noexcept {
    Word seen = control_.load(std::memory_order_relaxed);
    do {
      if (generation_of(seen) != generation || (seen & kBroken) != 0) return;
    } while (!swap(seen, seen | kBroken));
    changes_.notify_all();
  }
  void abort() noexcept { break_open(generation()); }

  /// Begins anew; who waits is told that it broke.
  void reset() noexcept {
    Word seen = control_.load(std::memory_order_relaxed);
    Word wanted;
    do {
      const Word since_pass = since_pass_of(seen);
      wanted = pack(generation_of(seen) + 1, 0, since_pass == 0 ? 0 : grown(since_pass));
    } while (!swap(seen, wanted));
    changes_.notify_all();
  }

  bool is_broken() const noexcept {
    return (control_.load(std::memory_order_acquire) & kBroken) != 0;
  }

  /// How many wait in this generation.
  unsigned waiting() const noexcept {
    const Word control = control_.load(std::memory_order_acquire);
    if ((control & kBroken) != 0) return 0;
    unsigned count = 0;
    while (count < slots_.size() && is_of(slots_[count], generation_of(control))) ++count;
    return count < slots_.size() ? count : 0;
  }

  std::uint64_t generation() const noexcept {
    return generation_of(control_.load(std::memory_order_acquire));
  }

  /// Rings when a generation has ended or broken.
  Eventcount<Platform>& changes() noexcept { return changes_; }

  /// Breaks the generation that a dead participant has arrived in, if it has not ended.
  void recover(ParticipantId dead) noexcept {
    const std::uint64_t generation = this->generation();
    for (const Slot& slot : slots_) {
      const Word word = slot.load(std::memory_order_acquire);
      if (word >> 14 == generation + 1 && (word & kLastParticipant) == dead) {
        return break_open(generation);
      }
    }
  }
  void wake_all() noexcept { changes_.notify_all(); }

 private:
  using Word = std::uint64_t;
  static constexpr Word kBroken = 1;
  static constexpr Word kLongSince = 2047;

  static constexpr Word pack(Word generation, Word since_reset, Word since_pass) noexcept {
    return since_reset << 1 | since_pass << 12 | generation << 24;
  }
  static constexpr Word generation_of(Word control) noexcept { return control >> 24; }
  static constexpr Word since_reset_of(Word control) noexcept { return control >> 1 & kLongSince; }
  static constexpr Word since_pass_of(Word control) noexcept { return control >> 12 & kLongSince; }
  static constexpr Word grown(Word since) noexcept { return std::min(since + 1, kLongSince); }

  bool swap(Word& seen, Word wanted) noexcept {
    return control_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }

  // acquire: the last to arrive has seen all that the others did before they arrived
  static bool is_of(const Slot& slot, Word generation) noexcept {
    return slot.load(std::memory_order_acquire) >> 14 == generation + 1;
  }

  static bool claim(Slot& slot, ParticipantId me, Word generation) noexcept {
    Word seen = slot.load(std::memory_order_acquire);
    while (seen >> 14 <= generation) {
      // release: pairs with the acquire in is_of() and here
      if (slot.compare_exchange_weak(seen, me | (generation + 1) << 14, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  typename Platform::template Atomic<Word>& control_;
  Eventcount<Platform>& changes_;
  std::span<Slot> slots_;
};

}  // namespace shoal::sync
