// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

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

  /// True if the worker has answered all it says it has taken, but for one: it takes a task when it
  /// has answered the one before. To be asked when a task could not be revoked.
  bool has_answered_what_it_took() const noexcept {
    // acquire: pairs with the release in WorkerMailbox::complete, which came before the last take.
    const std::uint64_t tail = completions_->cq_tail.load(std::memory_order_acquire);
    return in_flight() <= tail - collected_total_ + 1;
  }

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

  /// Asks the task with this ticket to stop; false if it has never looked whether anybody asks.
  bool ask_to_stop(std::uint64_t ticket) noexcept {
    submissions_->stop.store(ticket, std::memory_order_relaxed);
    return completions_->polls.load(std::memory_order_relaxed) == ticket;
  }
  /// How far the task with this ticket says it is; none if it says nothing that is a number.
  std::optional<double> report(std::uint64_t ticket) const noexcept {
    // acquire: pairs with the release in this_task::report; read anew, it was the same all the time
    if (completions_->report_ticket.load(std::memory_order_acquire) != ticket) return std::nullopt;
    const std::uint64_t bits = completions_->report.load(std::memory_order_acquire);
    if (completions_->report_ticket.load(std::memory_order_relaxed) != ticket) return std::nullopt;
    const auto said = std::bit_cast<double>(bits);
    return std::isfinite(said) ? std::optional(said) : std::nullopt;
  }
  /// Bytes of memory that the worker says it has.
  std::uint64_t resident() const noexcept {
    return completions_->resident.load(std::memory_order_relaxed);
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

}  // namespace shoal::pool
