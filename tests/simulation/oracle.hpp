// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "pool/dispatcher.hpp"
#include "simulation/fake_worker.hpp"
#include "simulation/story.hpp"

namespace shoal::pool::simulation {

/// A rule that the dispatcher has broken; ends the history.
struct RuleBroken {
  const char* rule;
};

inline void expect(bool holds, const char* rule) {
  if (!holds) throw RuleBroken{rule};
}

/// What a history has seen, for the reader's trust: a simulation of nothing finds nothing.
struct Tally {
  std::uint64_t histories = 0;
  std::uint64_t steps = 0;
  std::uint64_t events = 0;  ///< that the dispatcher was told of
  std::uint64_t tasks = 0;
  std::uint64_t lost = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t broken = 0;  ///< tasks that failed with their pool
  std::uint64_t deaths = 0;
  std::uint64_t stops = 0;
  std::uint64_t lies = 0;
  std::uint64_t starts = 0;  ///< that were asked for
  std::uint64_t revocations = 0;
  std::uint64_t stalls = 0;
  std::uint64_t prefetched = 0;
  std::uint64_t parts = 0;     ///< of maps that the dispatcher has made
  std::uint64_t dropped = 0;   ///< maps
  std::uint64_t requeued = 0;  ///< tasks that a dead worker had not started
  std::uint64_t retried = 0;   ///< attempts after the first
  std::uint64_t timed_out = 0;  ///< tasks that ended so
  std::uint64_t expired = 0;
};

/// Knows what the dispatcher has been told, and what may follow. Shares no code with it: the
/// backlog is a plain line to stand in, and everything else is counted anew at each look.
class Oracle {
 public:
  Oracle(std::vector<FakeWorker>& workers, std::size_t functions, Tally& tally)
      : workers_(workers), times_(functions), tally_(tally) {}

  // What happens, told before the dispatcher hears of it.
  void on_submit(Story& story) { backlog_.push_back(&story); }
  void on_close() { is_closed_ = true; }
  /// The oldest task in the worker's hands has come to `verdict`; of a part, the pool is told of so
  /// many `items`.
  void on_result(WorkerIndex index, Verdict verdict, std::size_t items, std::int64_t now);
  void on_start_failed(WorkerIndex index);
  void on_started(WorkerIndex index);
  void on_ready(WorkerIndex index);
  /// Decides about each task in the worker's hands; the worker has left its place then.
  /// It had finished `items` elements of the first.
  void on_ended(WorkerIndex index, std::size_t items);
  static void on_user_code(Story& story, std::size_t item);

  // What the dispatcher asks for.
  /// `is_tried`: the delivery fails, and the task stays where it is.
  void on_deliver(WorkerIndex index, Story& story, bool is_tried, std::int64_t now);
  void on_taken_back(WorkerIndex index, Story& story, std::int64_t now);
  void on_impossible(Story& story);
  void on_start_asked(WorkerIndex index, Duration delay);
  void on_dismissed(WorkerIndex index);
  void on_final(Story& story, bool is_broken);
  /// A part of a map has been split: `rest` stands behind it in the line, or in its place.
  void on_split(const Story& story, Story& rest);
  void on_stall_timer(Duration delay) const;

  /// The first that waits, whose turn it is.
  Story* next() const { return backlog_.empty() ? nullptr : backlog_.front(); }
  std::size_t queued() const { return backlog_.size() + loose_.size(); }
  /// It waits no more.
  void leave_line(const Story& story);
  bool is_drained() const;
  bool is_over() const { return is_closed_ && is_drained(); }

  /// The dispatcher has done all that an event asks for.
  void check(Dispatcher& dispatcher, std::int64_t now) const;
  /// Time has passed.
  void check_stalls(std::int64_t now) const;
  void check_end(const Dispatcher& dispatcher, const std::deque<Story>& stories,
                 const std::deque<Map>& maps) const;

 private:
  void check_counts(const Dispatcher& dispatcher) const;
  void check_places(Dispatcher& dispatcher) const;
  void check_broken(const Dispatcher& dispatcher) const;
  void check_work(std::int64_t now) const;
  bool may_gather() const;
  bool is_soon_begun() const;
  bool is_loose(const Story& story) const;
  void check_split(const Story& story) const;
  std::uint32_t expected_ns(const Story& story) const;
  static void end_part(Story& story, std::size_t done, bool has_failed);
  void see_reason(Story& story);
  static void settle_elements(const Story& story);
  void note_hands(FakeWorker& worker, bool has_new_front, std::int64_t now) const;
  std::size_t in_hands() const;
  bool has_ready() const;

  std::vector<FakeWorker>& workers_;
  std::vector<KnownTimes> times_;
  Tally& tally_;
  std::deque<Story*> backlog_;
  /// Those that were with a worker that broke the protocol, and parts of which nobody knows how
  /// far they came: they end for a reason, or are run elsewhere, at any place in the line.
  std::vector<Story*> loose_;
  bool is_closed_ = false;
  WorkerIndex favourite_ = 0;   // active last
  unsigned failures_ = 0;       // of starts, in a row
  bool may_be_broken_ = false;  // once the failures were too many, and nobody was ready
  std::uint64_t last_ticket_ = 0;
  std::uint64_t restarted_ = 0;
  std::uint64_t revocations_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t values_ = 0;
  std::uint64_t exceptions_ = 0;
  std::size_t depth_ = 0;
  mutable std::int64_t waste_since_ = -1;  // a task waits though a worker is idle; -1: none does
};

}  // namespace shoal::pool::simulation
