// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/deadline.hpp"
#include "pool/mailbox_layout.hpp"

namespace shoal::pool {

/// What the parent found when it looked at a worker's words.
enum class Honesty {
  honest,
  violation,  ///< a word holds what no worker of ours writes: end the worker
};

/// The parent's half of a mailbox. Its own members are the truth; the shared words are an
/// announcement going out, and input coming in. Not thread-safe: the engine's lock covers it.
///
/// Killed at any point, the worker leaves: `taken` (did the task start?) and `cq_tail` (did it
/// finish?), both written by it alone and only upward, so that each task in flight is exactly one
/// of done, lost and untouched.
template <class Platform>
class ParentMailbox {
 public:
  /// `first_index` is where the gate stands: zero in fresh memory.
  ParentMailbox(Submissions<Platform>& submissions, const Completions<Platform>& completions,
                Gate<Platform>& gate, std::uint32_t first_index = 0) noexcept
      : submissions_(&submissions),
        completions_(&completions),
        gate_(&gate),
        limit_(first_index),
        collected_(first_index) {}

  std::uint32_t in_flight() const noexcept { return limit_ - collected_; }
  bool has_room() const noexcept { return in_flight() < kDepth; }

  /// Writes `entry` at the next index and lets the worker take it.
  Honesty publish(const Entry& entry) noexcept {
    submissions_->entries[limit_ % kDepth] = entry;
    return move_limit(limit_ + 1).honesty;
  }

  /// Takes back what the worker has not taken; `count` says how many, the youngest last published.
  struct Revoked {
    Honesty honesty;
    std::uint32_t count;
  };
  Revoked revoke_untaken() noexcept { return close_down_to(collected_); }
  /// Takes back the youngest task alone, if the worker has not taken it.
  Revoked revoke_youngest() noexcept { return close_down_to(limit_ - 1); }

  /// Copies the oldest completion that has not been collected; `expected` is the ticket that must
  /// be in it. The copy stays valid; the reply bytes it points to do until `release`.
  struct Collected {
    Honesty honesty;
    bool has_completion;
  };
  Collected peek(std::uint64_t expected, Completion& copy) const noexcept {
    // acquire: pairs with the release in WorkerMailbox::complete.
    const std::uint64_t tail = completions_->cq_tail.load(std::memory_order_acquire);
    const std::uint64_t ahead = tail - collected_total_;
    if (ahead == 0) return {Honesty::honest, false};
    if (ahead > in_flight()) return {Honesty::violation, false};
    copy_shared(&copy, &completions_->completions[collected_total_ % kDepth], sizeof copy);
    return {copy.ticket == expected ? Honesty::honest : Honesty::violation, true};
  }

  /// Gives the place of the completion just peeked, and its reply bytes, back to the worker.
  void release() noexcept {
    ++collected_;
    ++collected_total_;
    // release: pairs with the acquire in WorkerMailbox::reclaim; the copies come before.
    submissions_->cq_head.store(collected_total_, std::memory_order_release);
  }

  /// True if the worker must be woken to see what was published or commanded. Counts the bell up,
  /// so that a worker about to sleep does not; the caller then wakes sleepers on bell().
  bool needs_wake() noexcept {
    Platform::fence();  // pairs with the fence in WorkerMailbox::sleep: publish, then look
    if (completions_->sleeping.load(std::memory_order_relaxed) == 0) return false;
    submissions_->bell.fetch_add(1, std::memory_order_release);
    return true;
  }
  const typename Platform::template Atomic<std::uint32_t>& bell() const noexcept {
    return submissions_->bell;
  }

  void command(Command command) noexcept {
    submissions_->command.store(static_cast<std::uint32_t>(command), std::memory_order_release);
  }

  /// Ticket of the last task that may have started, and when it did by the worker's word.
  std::uint64_t taken() const noexcept {
    return completions_->taken.load(std::memory_order_acquire);
  }
  std::int64_t started() const noexcept {
    return completions_->started.load(std::memory_order_relaxed);
  }

 private:
  // The worker moves `next` at most kDepth times before it runs out of tasks: more failures to
  // swap than that are a worker playing with the word.
  static constexpr int kAttempts = 2 * static_cast<int>(kDepth);

  bool is_possible(GateValue value) const noexcept {
    return value.limit == limit_ && distance(value.next, collected_) >= 0 &&
           distance(value.limit, value.next) >= 0;
  }

  // Moves limit to `wanted`, or as far towards it as what is taken allows.
  Revoked move_limit(std::uint32_t wanted) noexcept {
    std::uint64_t seen = gate_->word.load(std::memory_order_acquire);
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const GateValue value = GateValue::unpack(seen);
      if (!is_possible(value)) return {Honesty::violation, 0};
      const std::uint32_t limit = distance(wanted, value.next) < 0 ? value.next : wanted;
      // release: pairs with the acquire in WorkerMailbox::take; the entry comes before.
      if (gate_->word.compare_exchange_strong(seen, GateValue{limit, value.next}.pack(),
                                              std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
        const std::uint32_t count = distance(limit_, limit) > 0 ? limit_ - limit : 0;
        limit_ = limit;
        return {Honesty::honest, count};
      }
    }
    return {Honesty::violation, 0};
  }

  Revoked close_down_to(std::uint32_t wanted) noexcept {
    if (in_flight() == 0) return {Honesty::honest, 0};
    return move_limit(wanted);
  }

  Submissions<Platform>* submissions_;
  const Completions<Platform>* completions_;
  Gate<Platform>* gate_;
  std::uint32_t limit_;
  std::uint32_t collected_;            // wraps with the gate's halves
  std::uint64_t collected_total_ = 0;  // does not
};

/// The worker's half. Not thread-safe: the worker's main thread alone uses it.
template <class Platform>
class WorkerMailbox {
 public:
  WorkerMailbox(const Submissions<Platform>& submissions, Completions<Platform>& completions,
                Gate<Platform>& gate) noexcept
      : submissions_(&submissions), completions_(&completions), gate_(&gate) {}

  /// Takes the next task if there is one. From the moment this returns it, the task counts as
  /// started; a worker killed before `taken` is stored leaves it to run elsewhere.
  bool take(Entry& entry, std::int64_t now_nanoseconds) noexcept {
    std::uint64_t seen = gate_->word.load(std::memory_order_acquire);
    for (;;) {
      const GateValue value = GateValue::unpack(seen);
      if (distance(value.limit, value.next) <= 0) return false;
      // acquire: pairs with the release in ParentMailbox::move_limit.
      if (gate_->word.compare_exchange_weak(seen, GateValue{value.limit, value.next + 1}.pack(),
                                            std::memory_order_acq_rel, std::memory_order_acquire)) {
        entry = submissions_->entries[value.next % kDepth];
        completions_->started.store(now_nanoseconds, std::memory_order_relaxed);
        completions_->taken.store(entry.ticket, std::memory_order_release);
        return true;
      }
    }
  }

  /// Publishes the result of the task taken last: from here on it is delivered, even if this
  /// process dies at the next instruction.
  void complete(const Completion& completion) noexcept {
    completions_->completions[completed_ % kDepth] = completion;
    ++completed_;
    // release: pairs with the acquire in ParentMailbox::peek; the only commit point.
    completions_->cq_tail.store(completed_, std::memory_order_release);
  }

  /// How many completions the parent has copied; their reply bytes are free again.
  std::uint64_t reclaimed() const noexcept {
    return submissions_->cq_head.load(std::memory_order_acquire);
  }
  std::uint64_t completed() const noexcept { return completed_; }

  Command command() const noexcept {
    return static_cast<Command>(submissions_->command.load(std::memory_order_acquire));
  }

  /// Sleeps until the parent rings, unless there is something to do already. May return for
  /// nothing; the caller looks again.
  void sleep() noexcept {
    const std::uint32_t bell = submissions_->bell.load(std::memory_order_acquire);
    completions_->sleeping.store(1, std::memory_order_relaxed);
    Platform::fence();  // pairs with the fence in ParentMailbox::needs_wake: tell, then look again
    const GateValue value = GateValue::unpack(gate_->word.load(std::memory_order_acquire));
    if (distance(value.limit, value.next) <= 0 && command() == Command::run) {
      Platform::wait(submissions_->bell, bell, base::Deadline::never());
    }
    completions_->sleeping.store(0, std::memory_order_relaxed);
  }

 private:
  const Submissions<Platform>* submissions_;
  Completions<Platform>* completions_;
  Gate<Platform>* gate_;
  std::uint64_t completed_ = 0;
};

}  // namespace shoal::pool
