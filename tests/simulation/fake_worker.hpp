// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "simulation/story.hpp"

namespace shoal::pool::simulation {

/// A mailbox with the words of the real one. Each member function is one atomic step there.
class FakeMailbox {
 public:
  struct Entry {
    Story* story;
    std::uint64_t ticket;
    std::uint32_t expected_ns;   ///< what the function was known to take
    bool has_surprised = false;  ///< a stall was noticed while it ran
  };
  struct Completion {
    std::uint64_t ticket;
    bool is_value;
    std::uint32_t nanoseconds;
    std::size_t items;  ///< of a part, that have a value
  };
  enum class Look { nothing, completion, violation };

  // The parent's side.
  std::size_t in_flight() const { return entries_.size() - collected_; }
  std::size_t prefetched() const { return in_flight() > 0 ? in_flight() - 1 : 0; }
  Entry& at(std::size_t position) { return entries_[collected_ + position]; }
  const Entry& at(std::size_t position) const { return entries_[collected_ + position]; }
  void write(const Entry& entry) { entries_.push_back(entry); }
  bool is_published() const { return limit_ == entries_.size(); }
  bool publish();
  /// Of the youngest; only after publish().
  bool take_back();
  bool has_news() const { return completions_.size() != collected_; }
  Look peek(std::uint64_t expected) const;
  /// What peek() has found.
  const Completion& found() const { return completions_[collected_]; }
  void release() { ++collected_; }
  std::uint64_t taken() const { return taken_; }
  bool is_gate_forged() const { return is_gate_forged_; }
  /// The worker has this one: it cannot be taken back.
  bool is_taken(const Story& story) const;
  bool holds(const Story& story) const;
  /// Is anything behind the first that could be taken back?
  bool has_revocable() const;
  /// What those behind the first are expected to take.
  std::uint64_t prefetched_ns() const;

  // The worker's side.
  bool has_work() const { return next_ < limit_; }
  void take() { ++next_; }
  /// The one taken last.
  const Entry& current() const { return entries_[next_ - 1]; }
  void store_taken(std::uint64_t ticket) { taken_ = ticket; }
  void complete(const Completion& completion) { completions_.push_back(completion); }
  void forge_gate() { is_gate_forged_ = true; }

 private:
  std::vector<Entry> entries_;
  std::vector<Completion> completions_;
  std::size_t limit_ = 0;
  std::size_t next_ = 0;
  std::size_t collected_ = 0;
  std::uint64_t taken_ = 0;
  bool is_gate_forged_ = false;
};

/// A place for workers: the process that stands there, and what the dispatcher was told of it.
struct FakeWorker {
  enum class Process {
    none,
    delayed,  ///< a timer will start it
    starting,
    alive,
    dead,  ///< nobody knows yet
  };
  enum class Doing {
    waiting,
    taking,
    running,
    ending,  ///< all that is to be run has been
  };

  Process process = Process::none;
  Doing doing = Doing::waiting;
  FakeMailbox mailbox;
  std::uint64_t incarnation = 0;
  std::int64_t started_at = 0;      ///< the task it runs
  std::int64_t finishes_at = 0;     ///< it, or the element it is at
  std::size_t items_done = 0;       ///< of a part; the world reads it in shared memory
  std::size_t items_wanted = 0;     ///< of a part, before it ends
  bool is_throwing = false;         ///< the last of these throws
  std::uint64_t run_ticket = 0;     ///< of the part whose elements are announced one by one
  bool is_progress_hidden = false;  ///< the part it runs is not announced
  bool was_stopped = false;         ///< while it ran that task
  bool is_stopped = false;
  bool is_killed = false;  ///< the signal is on its way
  bool is_let_go = false;
  bool is_silent = false;  ///< will never say hello
  bool has_said_hello = false;
  bool has_closed_channel = false;
  bool has_lied_about_taken = false;

  // What the parent knows.
  bool has_heard_hello = false;
  bool has_seen_channel_close = false;
  bool has_violated = false;

  // What the dispatcher was told, or has told the world.
  bool is_expected = false;  ///< a start was asked for, and not answered
  bool is_present = false;
  bool is_ready = false;
  bool is_deaf = false;
  bool is_dismissed = false;
  std::int64_t front_since = 0;       ///< since when the first in its hands has been the first
  std::int64_t prefetched_since = 0;  ///< since when there has been one behind it

  bool takes_tasks() const { return is_present && is_ready && !is_deaf && !is_dismissed; }
  bool is_idle() const { return takes_tasks() && mailbox.in_flight() == 0; }
};

}  // namespace shoal::pool::simulation
