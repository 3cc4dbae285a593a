// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pool/hands.hpp"
#include "pool/supervisor.hpp"
#include "pool/task.hpp"
#include "shoal/duration.hpp"

namespace shoal::pool {

/// How a worker ended, for the error of the task that it took along.
struct WorkerEnd {
  std::uint64_t taken = 0;                 ///< ticket of the last task it may have started
  std::function<void(const Task&)> raise;  ///< throws the WorkerLostError of that task
  /// Elements it had finished of that task, a map's part; none: nobody knows, all may have begun.
  std::optional<std::size_t> items = 0;
  Payload values = {};                     ///< their results
};

/// A task that was run.
struct Completed {
  Task::Status status = Task::Status::finished;  ///< finished, raised or failed
  Payload result = {};
  std::uint32_t nanoseconds = 0;  ///< how long it ran
  std::size_t items = 0;          ///< for a map's part: elements with a value, the first ones
  std::size_t error_bytes = 0;    ///< for a map's part: the exception at the end of the result
};

/// What came of handing a task to a worker.
enum class Delivery {
  done,
  full,        ///< this worker has no room behind what it has already
  refused,     ///< this worker takes nothing more; its end is on the way
  impossible,  ///< no worker could get it: the port has said why, by Task::fail_by
};

/// What the dispatcher asks of the world. Calls come from within its own event functions and must
/// not call back into it.
class DispatchPort {
 public:
  virtual ~DispatchPort() = default;
  /// Hands `task` to a worker, which sees it at the next publish().
  virtual Delivery deliver(WorkerIndex worker, Task& task) = 0;
  /// Lets a worker see what was delivered to it; false if its end is on the way instead.
  virtual bool publish(WorkerIndex worker) = 0;
  /// Takes the youngest task back from a worker; false if the worker has it already.
  virtual bool take_back(WorkerIndex worker) = 0;
  /// Asks a worker to leave off a part of a map behind the element it runs, some time.
  virtual void end_run(WorkerIndex worker, const Task& part) = 0;
  /// Starts a worker in place `index`, `delay` from now; answered by on_started or on_start_failed.
  virtual void start_worker(WorkerIndex index, Duration delay) = 0;
  /// Lets an idle worker go; answered by on_ended.
  virtual void dismiss(WorkerIndex worker) = 0;
  /// Tells everybody who waits for `task` that its status is final.
  virtual void announce(Task& task) = 0;
  /// Asks for an on_stall(), `delay` from now.
  virtual void set_stall_timer(Duration delay) = 0;
};

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
/// Invariants: a task is in exactly one of backlog, one worker's hands, or a final status; it gets
/// a final status once; a task that had started is never delivered again.
class Dispatcher {
 public:
  /// The most tasks in one worker's hands.
  static constexpr std::size_t kMostInHands = 64;
  /// The longest that a prefetched task is expected to wait behind others that are prefetched.
  static constexpr std::uint64_t kPrefetchNanoseconds = 50'000;
  /// How long the elements of a map that are handed over together are expected to run.
  static constexpr std::uint64_t kChunkNanoseconds = 50'000;
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

  Dispatcher(DispatchPort& port, unsigned max_workers)
      : port_(port), supervisor_(max_workers), hands_(max_workers), stalled_(max_workers) {}

  // Events from users.
  void on_submit(TaskRef task);
  bool on_cancel(Task& task);
  /// No task comes after this; with `cancel_queued`, those not started are cancelled.
  void on_close(bool cancel_queued);

  // Events from workers.
  /// A worker is being started without having been asked for.
  void expect_start(WorkerIndex index) { supervisor_.on_starting(index); }
  void on_started(WorkerIndex index);
  void on_start_failed(WorkerIndex index, const std::string& reason);
  void on_ready(WorkerIndex index);
  /// The oldest task in the worker's hands is done. A call of on_collected() follows.
  void on_completed(WorkerIndex index, Completed completed);
  /// All completions there were have been reported.
  void on_collected() { pump(); }
  /// The worker takes no more tasks: it lost its channels, or broke the protocol.
  void on_deaf(WorkerIndex index);
  /// The worker is gone, and all its completions have been reported.
  void on_ended(WorkerIndex index, WorkerEnd end);
  /// The stall timer has run out.
  void on_stall();

  /// The oldest task in a worker's hands, whose completion comes next.
  Task* expected(WorkerIndex index) {
    return hands_[index].empty() ? nullptr : &hands_[index].front();
  }
  bool is_closed() const noexcept { return is_closed_; }
  /// Why no worker can be started and every task fails; empty for a sound pool.
  const std::string& broken_reason() const noexcept { return supervisor_.broken_reason(); }
  bool is_broken() const noexcept { return !broken_reason().empty(); }
  bool is_drained() const noexcept { return queued_ == 0 && running_ == 0; }
  bool has_workers() const noexcept { return supervisor_.has_workers(); }
  /// Tasks in workers' hands.
  std::size_t running() const noexcept { return running_; }
  Counts counts() const;

 private:
  void pump();
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
  void become_idle(WorkerIndex index);
  void leave_idle(WorkerIndex index);
  void watch_stalls();
  bool may_stall() const;
  TaskRef split(Task& task, std::size_t count);
  bool split_off(Task& task, std::size_t count) noexcept;
  bool end_early(Task& task, std::size_t done, std::size_t settled) noexcept;
  void dismiss_all();
  void settle(Task& task, Task::Status status);
  void lose(const TaskRef& task, WorkerEnd& end);
  void follow(WorkerIndex index, std::optional<Duration> delay);
  void fail_backlog();

  DispatchPort& port_;
  Supervisor supervisor_;
  std::vector<Hands> hands_;             // by WorkerIndex
  std::vector<std::uint64_t> stalled_;   // by WorkerIndex: the ticket at its front at the last look
  std::deque<TaskRef> backlog_;          // with those that were cancelled while they stood here
  std::size_t queued_ = 0;               // without them
  std::vector<WorkerIndex> idle_;        // most recently active last
  std::vector<WorkerIndex> to_publish_;  // workers that were handed something
  WorkerIndex favourite_ = 0;            // the worker that was active last
  std::uint64_t next_ticket_ = 1;
  std::size_t running_ = 0;
  std::size_t prefetched_ = 0;
  bool is_stall_timer_set_ = false;
  bool is_closed_ = false;
  Counts totals_;
};

}  // namespace shoal::pool
