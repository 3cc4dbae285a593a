// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pool/backlog.hpp"
#include "pool/dispatch_port.hpp"
#include "pool/dispatch_rules.hpp"
#include "pool/hands.hpp"
#include "pool/supervisor.hpp"
#include "pool/task.hpp"
#include "shoal/duration.hpp"

namespace shoal::pool {

/// Decides which task runs where, and what becomes of it when its worker ends. Pure: it knows no
/// clock, no process and no shared memory, only events and the port. One lock covers it.
///
/// A worker is handed tasks ahead of the one it runs (*prefetch*) only where all of them are
/// expected to be short, by their functions' last runs; one that turns out long is noticed by the
/// stall timer, and what waits behind it goes to workers that sleep; so do the elements behind it in
/// a part of a map.
///
/// The elements of a map come as one task. What a worker is handed of it splits off at that moment,
/// as many elements as are expected to run for kChunkNanoseconds; what a worker leaves of that, by
/// its death, by an element that throws, or for lack of room for results, goes back to the head of
/// the backlog.
///
/// Ending a task that runs means ending its worker. What was handed over behind it is taken back
/// first, so that it hits nobody else; a task that looks whether it is to stop gets a grace time.
///
/// Invariants: a task is in exactly one of backlog, one worker's hands, those that wait for their
/// next attempt or for their user's answer, or a final status; it gets a final status once; a task
/// that had started is delivered again only if its user or its pool has said that this is safe.
class Dispatcher {
 public:
  /// The most tasks in one worker's hands.
  static constexpr std::size_t kMostInHands = Hands::kMost;
  /// The longest that a prefetched task is expected to wait behind others that are prefetched.
  static constexpr std::uint64_t kPrefetchNanoseconds = 50'000;
  /// How long the elements of a map that are handed over together are expected to run.
  static constexpr std::uint64_t kChunkNanoseconds = 50'000;
  /// How soon a task with a time-out is looked at again that was not begun, and how late at most.
  static constexpr Duration kLeastWatch = std::chrono::milliseconds(1);
  static constexpr Duration kLongestWatch = std::chrono::hours(1);
  /// How long at least a worker may leave a task with a time-out where it is without beginning it.
  static constexpr Duration kLeastPatience = std::chrono::seconds(1);
  /// How long a worker with prefetched tasks may go without finishing one.
  static constexpr Duration kStallTime = std::chrono::milliseconds(1);

  struct Counts {
    unsigned workers = 0;
    unsigned idle = 0;
    std::size_t queued = 0;
    std::size_t running = 0;
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t restarted = 0;
    std::uint64_t revocations = 0;   ///< tasks taken back from a worker that had not begun them
    std::size_t prefetch_depth = 0;  ///< the most tasks that stood prefetched with one worker
  };

  using TimePoint = DispatchPort::TimePoint;

  Dispatcher(DispatchPort& port, const DispatchRules& rules)
      : port_(port),
        rules_(rules),
        supervisor_(rules.max_workers),
        hands_(rules.max_workers),
        lives_(rules.max_workers),
        due_starts_(rules.max_workers) {
    idle_.reserve(rules.max_workers);
    to_publish_.reserve(rules.max_workers);
  }
  Dispatcher(DispatchPort& port, unsigned max_workers)
      : Dispatcher(port, DispatchRules{.max_workers = max_workers}) {}

  // Events from users.
  void on_submit(TaskRef task);
  /// Cancels a task that has not started, or, by Cancel::running, ends it; false if it could not.
  bool on_cancel(Task& task, Cancel reach = Cancel::queued);
  /// `task` comes later: until then it keeps a closed pool from ending, and can be cancelled.
  void on_expect(const TaskRef& task) { expected_.emplace(task.get(), task); }
  /// A task that was expected is submitted; false if it has been cancelled. Where that throws, it
  /// is expected as before.
  bool on_arrival(const TaskRef& task);
  /// A task that was expected does not come: it fails by what it raises.
  void on_absence(Task& task);
  /// There are to be `count` workers from now on.
  void on_resize(unsigned count);
  /// Whether its user wants a task, which has thrown, run again.
  void on_answer(const TaskRef& task, bool runs_again);
  /// Somebody waits in submit: announce_room() once there is room.
  void on_wait_for_room() { is_room_awaited_ = true; }
  /// True if `bytes` of arguments may be added to what waits for a worker.
  bool has_room_for(std::size_t bytes) const noexcept;
  /// No task comes after this; with `cancel_queued`, those not started are cancelled.
  void on_close(bool cancel_queued);
  /// The same; and all workers are about to be ended.
  void on_end_workers();

  // Events from workers.
  /// A worker is being started without having been asked for.
  void expect_start(WorkerIndex index) { supervisor_.on_starting(index); }
  void on_started(WorkerIndex index);
  void on_start_failed(WorkerIndex index, std::string_view reason);
  void on_ready(WorkerIndex index);
  /// The oldest task in the worker's hands is done. A call of on_collected() follows.
  void on_completed(WorkerIndex index, Completed completed);
  /// All completions there were have been reported, or the port was asked to look again.
  void on_collected() { pump(); }
  /// True if there was no memory to hand out what could be: on_collected() tries again.
  bool is_pump_due() const noexcept { return is_pump_due_; }
  /// The worker takes no more tasks: it lost its channels, or broke the protocol.
  void on_deaf(WorkerIndex index);
  /// The worker is gone, and all its completions have been reported.
  void on_ended(WorkerIndex index, WorkerEnd end);
  /// The worker has grown too large: it leaves after the task it runs.
  void on_worn(WorkerIndex index);
  /// The pool can be of no more use, for `reason`.
  void on_broken(const std::string& reason);

  // Events from the clock.
  void on_stall();
  void on_watch(WorkerIndex index);
  void on_alarm();

  /// The oldest task in a worker's hands, whose completion comes next.
  Task* expected(WorkerIndex index) {
    return hands_[index].empty() ? nullptr : &hands_[index].front();
  }
  /// The worker that a task was handed to; none if it waits.
  std::optional<WorkerIndex> holder_of(const Task& task) const;
  bool is_closed() const noexcept { return is_closed_; }
  /// Why no worker can be started and every task fails; empty for a sound pool.
  const std::string& broken_reason() const noexcept { return supervisor_.broken_reason(); }
  bool is_broken() const noexcept { return !broken_reason().empty(); }
  bool is_drained() const noexcept {
    return queued_ == 0 && running_ == 0 && delayed_.empty() && undecided_ == 0 &&
           expected_.empty();
  }
  bool has_workers() const noexcept { return supervisor_.has_workers(); }
  const Supervisor& supervisor() const noexcept { return supervisor_; }
  /// Tasks in workers' hands.
  std::size_t running() const noexcept { return running_; }
  /// Tasks that no worker has yet.
  std::size_t queued() const noexcept { return queued_; }
  Counts counts() const;

 private:
  // Why a task is ended while it runs.
  enum class Reason : std::uint8_t { none, timed_out, cancelled };

  // What becomes of one incarnation, beside what it has in its hands.
  struct Life {
    std::uint64_t stalled = 0;  // the ticket at its front when the stall timer was set
    std::uint64_t served = 0;   // tasks it has been handed, and kept
    TimePoint ready_at = {};
    std::uint64_t doomed = 0;  // ticket of the task that is being ended; 0: none
    Reason reason = Reason::none;
    bool is_asked = false;  // to stop; else its worker is ended
    TimePoint kill_at = {};
    TimePoint watched_until = TimePoint::max();
    std::uint64_t begun_ticket = 0;  // of the task that was seen running,
    TimePoint begun_at = {};         // since when
    std::uint64_t idle_ticket = 0;   // of the task that was seen at the front, but not running,
    TimePoint idle_since = {};       // when first
  };

  void pump();
  void hand_out();
  bool withdraw(Task& task);
  bool is_spent(WorkerIndex index) const noexcept;
  bool is_replaced(WorkerIndex index) const noexcept;
  bool takes(WorkerIndex index) const noexcept {
    return supervisor_.takes_tasks(index) && !is_spent(index);
  }
  std::size_t share_of(WorkerIndex index, const Task& task) const;
  void count_queued(const Task& task) noexcept;
  void uncount_queued(const Task& task) noexcept;
  void make_way_for(const Task& task);
  void wear_out(WorkerIndex index);
  void let_go(WorkerIndex index);
  // Time.
  Duration timeout_of(const Task& task) const noexcept;
  void watch(WorkerIndex index, TimePoint at);
  void check_time(WorkerIndex index, TimePoint now);
  Duration shortest_timeout(WorkerIndex index) const noexcept;
  std::optional<TimePoint> begun(WorkerIndex index, const Task& task);
  bool has_patience(WorkerIndex index, const Task& task, TimePoint now);
  void end_idle(WorkerIndex index);
  bool was_begun(WorkerIndex index, const Task& task, const WorkerEnd& end) const noexcept;
  bool end_task(WorkerIndex index, Reason reason);
  void end_worker(WorkerIndex index);
  void watch_expiry(const TaskRef& task);
  void forget_expiries();
  void set_alarm();
  void expire(Task& task);
  bool is_expired(const Task& task);
  void fail_expired(Task& task);
  void delay(TaskRef task, Duration pause);
  Duration pause_before(const Task& task);
  bool run_again(const TaskRef& task, std::optional<std::size_t> done, unsigned allowed);
  void give_up(const TaskRef& task, Reason reason);
  unsigned retries(const Task& task, Reason reason) const noexcept;
  bool ask_user(const TaskRef& task, Completed& completed);
  bool asks_user(WorkerIndex index, const Task& task, const Completed& completed) const noexcept;
  void cancel_waiting();
  void cancel_backlog();
  bool is_worth_waiting(const Task& task) const;
  bool has_room(WorkerIndex index, const Task& task) const;
  bool is_soon_begun(const Task& task) const;
  bool choose(const Task& task, WorkerIndex& chosen) const;
  void give(WorkerIndex index);
  bool publish_all();
  void drop_cancelled();
  TaskRef next_queued();
  bool take_back_youngest(WorkerIndex index);
  bool take_back(WorkerIndex index, const Task& task);
  void requeue(TaskRef task);
  void hand_back(WorkerIndex index, TaskRef task);
  void become_idle(WorkerIndex index);
  void leave_idle(WorkerIndex index);
  void watch_stalls();
  bool may_stall() const;
  TaskRef split(Task& task, std::size_t count);
  bool split_off(Task& task, std::size_t count) noexcept;
  static void join(Task& task, Task& rest) noexcept;
  bool end_early(Task& task, std::size_t done, std::size_t settled) noexcept;
  void dismiss_all();
  void settle(Task& task, Task::Status status);
  void lose(WorkerIndex index, const TaskRef& task, WorkerEnd& end);
  void follow(WorkerIndex index, std::optional<Duration> delay);
  void start(WorkerIndex index, Duration delay) noexcept;
  void ask_for_starts();
  void fail_backlog();

  DispatchPort& port_;
  const DispatchRules rules_;
  Supervisor supervisor_;
  std::vector<Hands> hands_;  // by WorkerIndex
  std::vector<Life> lives_;   // by WorkerIndex
  std::vector<std::optional<Duration>> due_starts_;  // by WorkerIndex: not asked for yet
  bool has_due_starts_ = false;
  Backlog backlog_;           // with those that were cancelled while they stood here
  std::size_t queued_ = 0;    // without them
  std::size_t queued_bytes_ = 0;               // of their arguments, where rules_ ask for it
  std::multimap<TimePoint, TaskRef> delayed_;  // between two attempts
  std::multimap<TimePoint, std::weak_ptr<Task>> expiries_;
  std::size_t expiries_swept_at_ = 0;  // how many there are when those of done tasks go
  std::unordered_map<const Task*, TaskRef> expected_;  // that come later
  std::size_t undecided_ = 0;                          // whose user is being asked
  TimePoint alarm_at_ = TimePoint::max();
  std::uint64_t random_ = 1;  // what jitter comes from
  std::vector<WorkerIndex> idle_;        // most recently active last
  std::vector<WorkerIndex> to_publish_;  // workers that were handed something
  WorkerIndex favourite_ = 0;            // the worker that was active last
  std::uint64_t next_ticket_ = 1;
  std::size_t running_ = 0;
  std::size_t prefetched_ = 0;
  bool is_stall_timer_set_ = false;
  bool is_closed_ = false;
  bool is_ending_ = false;       // its workers are being ended
  bool cancels_ = false;         // what has not started of a closed pool
  bool has_priorities_ = false;  // a task with one was seen
  bool is_room_awaited_ = false;
  bool is_pump_due_ = false;
  Counts totals_;
};

}  // namespace shoal::pool
