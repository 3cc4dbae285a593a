// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "base/deadline.hpp"
#include "pool/mailbox_layout.hpp"

namespace shoal::pool {

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
