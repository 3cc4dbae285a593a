// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

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
        written_(first_index),
        limit_(first_index),
        collected_(first_index) {}

  /// Tasks written and not collected.
  std::uint32_t in_flight() const noexcept { return written_ - collected_; }
  bool has_room() const noexcept { return in_flight() < kDepth; }

  /// Writes `entry` at the next index, where the worker does not see it before publish().
  void write(const Entry& entry) noexcept {
    const std::size_t used = entry.place == Place::in_entry ? entry.size : 0;
    Platform::write(&submissions_->entries[written_ % kDepth], &entry, kEntryHeaderBytes + used);
    ++written_;
  }

  /// Lets the worker take what was written: one swap for all of it.
  Honesty publish() noexcept {
    return written_ == limit_ ? Honesty::honest : move_limit(written_).honesty;
  }

  /// Takes back what the worker has not taken; `count` says how many, the youngest last published.
  /// All that was written must have been published.
  struct Revoked {
    Honesty honesty;
    std::uint32_t count;
  };
  Revoked revoke_untaken() noexcept { return close_down_to(collected_); }
  /// Takes back the youngest task alone, if the worker has not taken it.
  Revoked revoke_youngest() noexcept { return close_down_to(limit_ - 1); }

  /// True if the oldest completion that has not been collected may be here: a look at one word.
  bool has_news() const noexcept {
    // relaxed: peek() looks again, and acquires.
    return completions_->cq_tail.load(std::memory_order_relaxed) != collected_total_;
  }

  /// The lower half of the number of completions collected.
  std::uint32_t collected() const noexcept { return static_cast<std::uint32_t>(collected_total_); }

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
    if (ahead > limit_ - collected_) return {Honesty::violation, false};
    const Completion& slot = completions_->completions[collected_total_ % kDepth];
    Platform::read(&copy, &slot, kCompletionHeaderBytes);
    if (copy.place == Place::in_entry && copy.size <= kCompletionInlineBytes) {
      Platform::read(copy.bytes.data(), slot.bytes.data(), copy.size);
    }
    return {copy.ticket == expected ? Honesty::honest : Honesty::violation, true};
  }

  /// Gives the place of the completion just peeked, and its reply bytes, back to the worker.
  void release() noexcept {
    ++collected_;
    ++collected_total_;
    // release: pairs with the acquire in WorkerMailbox::reclaimed; the copies come before.
    submissions_->cq_head.store(collected_total_, std::memory_order_release);
  }

  /// True if the worker must be woken to see what was published or commanded: once in each of its
  /// sleeps. Counts the bell up, so that a worker about to sleep does not; the caller then wakes
  /// sleepers on bell().
  bool needs_wake() noexcept {
    Platform::fence();  // pairs with the fence in WorkerMailbox::sleep: publish, then look
    const std::uint32_t sleeping = completions_->sleeping.load(std::memory_order_relaxed);
    if (sleeping % 2 == 0 || sleeping == woken_) return false;
    woken_ = sleeping;
    submissions_->bell.fetch_add(1, std::memory_order_release);
    return true;
  }
  const typename Platform::template Atomic<std::uint32_t>& bell() const noexcept {
    return submissions_->bell;
  }

  void command(Command command) noexcept {
    submissions_->command.store(static_cast<std::uint32_t>(command), std::memory_order_release);
  }

  /// Lets the worker poll before it sleeps, or no more. Nothing depends on when it sees this: a
  /// worker that stops polling goes to sleep by the same steps as one that never polled.
  void allow_spin(bool may_spin) noexcept {
    submissions_->may_spin.store(may_spin ? 1 : 0, std::memory_order_relaxed);
  }

  /// Asks the worker to leave off the part of a map with this ticket behind the element it runs.
  void end_run(std::uint64_t ticket) noexcept {
    submissions_->end_run.store(ticket, std::memory_order_relaxed);
  }

  /// Says that the ids of some segments have gone.
  void drop_segments() noexcept {
    // release: pairs with the acquire in WorkerMailbox::has_dropped_segments; the ids come before.
    submissions_->segments_version.fetch_add(1, std::memory_order_release);
  }

  /// Ticket of the last task that may have started, and when it did by the worker's word.
  std::uint64_t taken() const noexcept {
    return completions_->taken.load(std::memory_order_acquire);
  }
  std::int64_t started() const noexcept {
    return completions_->started.load(std::memory_order_relaxed);
  }
  /// How often the worker has polled, by its own word.
  std::uint64_t spins() const noexcept {
    return completions_->spins.load(std::memory_order_relaxed);
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
      // release: pairs with the acquire in WorkerMailbox::take; the entries come before.
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
    const Revoked revoked = move_limit(wanted);
    written_ = limit_;
    return revoked;
  }

  Submissions<Platform>* submissions_;
  const Completions<Platform>* completions_;
  Gate<Platform>* gate_;
  std::uint32_t written_;              // entries the worker may see after the next publish()
  std::uint32_t limit_;                // entries it may see
  std::uint32_t collected_;            // wraps with the gate's halves
  std::uint64_t collected_total_ = 0;  // does not
  std::uint32_t woken_ = 0;            // the sleep that the last wake was for
};

/// The worker's half. Not thread-safe: the worker's main thread alone uses it.
template <class Platform>
class WorkerMailbox {
 public:
  WorkerMailbox(const Submissions<Platform>& submissions, Completions<Platform>& completions,
                Gate<Platform>& gate) noexcept
      : submissions_(&submissions), completions_(&completions), gate_(&gate) {}

  /// True if there is a task to take, a command, or a segment to unmap.
  bool has_work() const noexcept {
    const GateValue value = GateValue::unpack(gate_->word.load(std::memory_order_acquire));
    return distance(value.limit, value.next) > 0 || command() != Command::run ||
           submissions_->segments_version.load(std::memory_order_relaxed) != segments_version_;
  }

  /// True once after the parent has let a segment go: what is mapped of it is to be unmapped.
  bool has_dropped_segments() noexcept {
    // acquire: pairs with the release in ParentMailbox::drop_segments.
    const std::uint64_t version =
        submissions_->segments_version.load(std::memory_order_acquire);
    return std::exchange(segments_version_, version) != version;
  }

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
        read(submissions_->entries[value.next % kDepth], entry);
        completions_->started.store(now_nanoseconds, std::memory_order_relaxed);
        completions_->taken.store(entry.ticket, std::memory_order_release);
        return true;
      }
    }
  }

  /// Publishes the result of the task taken last: from here on it is delivered, even if this
  /// process dies at the next instruction.
  void complete(const Completion& completion) noexcept {
    const std::size_t used = completion.place == Place::in_entry ? completion.size : 0;
    Platform::write(&completions_->completions[completed_ % kDepth], &completion,
                    kCompletionHeaderBytes + std::min(used, kCompletionInlineBytes));
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

  /// True while the parent lets this worker poll.
  bool may_spin() const noexcept {
    return submissions_->may_spin.load(std::memory_order_relaxed) != 0;
  }
  /// Counts one wait that was polled.
  void count_spin() noexcept {
    completions_->spins.store(completions_->spins.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
  }

  /// Sleeps until the parent rings or `deadline`, unless there is something to do already. May
  /// return for nothing; the caller looks again.
  void sleep(base::Deadline deadline = base::Deadline::never()) noexcept {
    const std::uint32_t bell = submissions_->bell.load(std::memory_order_acquire);
    completions_->sleeping.store(++sleeps_, std::memory_order_relaxed);
    Platform::fence();  // pairs with the fence in ParentMailbox::needs_wake: tell, then look again
    if (!has_work()) Platform::wait(submissions_->bell, bell, deadline);
    completions_->sleeping.store(++sleeps_, std::memory_order_relaxed);
  }

 private:
  static void read(const Entry& slot, Entry& entry) noexcept {
    Platform::read(&entry, &slot, kEntryHeaderBytes);
    if (entry.place != Place::in_entry) return;
    Platform::read(entry.bytes.data(), slot.bytes.data(),
                   std::min<std::size_t>(entry.size, kEntryInlineBytes));
  }

  const Submissions<Platform>* submissions_;
  Completions<Platform>* completions_;
  Gate<Platform>* gate_;
  std::uint64_t completed_ = 0;
  std::uint64_t segments_version_ = 0;
  std::uint32_t sleeps_ = 0;  // counted up at each begin and end
};

}  // namespace shoal::pool
