// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pool/task.hpp"
#include "shoal/duration.hpp"

namespace shoal::pool {

/// Names one incarnation of a worker; never used again.
using WorkerId = std::uint64_t;

/// How a worker ended, for the error of the task that it took along.
struct WorkerEnd {
  std::uint64_t taken = 0;                 ///< ticket of the last task it may have started
  std::function<void(const Task&)> raise;  ///< throws the WorkerLostError of that task
};

/// What came of handing a task to a worker.
enum class Delivery {
  done,
  refused,     ///< this worker takes nothing more; its end is on the way
  impossible,  ///< no worker could get it: the port has set the task's `raise`
};

/// What the dispatcher asks of the world. Calls come from within its own event functions and must
/// not call back into it.
class DispatchPort {
 public:
  virtual ~DispatchPort() = default;
  /// Hands `task` to a worker that has room.
  virtual Delivery deliver(WorkerId worker, Task& task) = 0;
  /// Takes the youngest task back from a worker; false if the worker has it already.
  virtual bool take_back(WorkerId worker) = 0;
  /// Starts a worker in place `index`, `delay` from now; answered by on_started or on_start_failed.
  virtual void start_worker(unsigned index, Duration delay) = 0;
  /// Lets an idle worker go; answered by on_ended.
  virtual void dismiss(WorkerId worker) = 0;
  /// Tells everybody who waits for `task` that its status is final.
  virtual void announce(Task& task) = 0;
};

/// Decides which task runs where, and what becomes of it when its worker ends. Pure: it knows no
/// clock, no process and no shared memory, only events and the port. One lock covers it.
///
/// Invariants: a task is in exactly one of backlog, one worker's hands, or a final status; it gets
/// a final status once; a task that had started is never delivered again.
class Dispatcher {
 public:
  struct Counts {
    unsigned workers = 0;
    unsigned idle = 0;
    std::size_t queued = 0;
    std::size_t running = 0;
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t restarted = 0;
  };

  Dispatcher(DispatchPort& port, unsigned max_workers) : port_(port), max_workers_(max_workers) {}

  // Events from users.
  void on_submit(TaskRef task);
  bool on_cancel(Task& task);
  /// No task comes after this; with `cancel_queued`, those not started are cancelled.
  void on_close(bool cancel_queued);

  // Events from workers.
  /// A worker is being started without having been asked for.
  void expect_start() { ++starting_; }
  void on_started(WorkerId worker, unsigned index);
  void on_start_failed(unsigned index, const std::string& reason);
  void on_ready(WorkerId worker);
  /// The oldest task in the worker's hands is done; `status` is finished or raised.
  void on_completed(WorkerId worker, Task::Status status, Payload result);
  /// The worker takes no more tasks: it lost its channels.
  void on_deaf(WorkerId worker);
  /// The worker is gone, and all its completions have been reported.
  void on_ended(WorkerId worker, const WorkerEnd& end);

  /// The oldest task in a worker's hands, whose completion comes next.
  Task* expected(WorkerId worker);
  bool is_closed() const noexcept { return is_closed_; }
  /// True if no worker can be started: every task fails, for this reason.
  const std::string& broken_reason() const noexcept { return broken_reason_; }
  bool is_broken() const noexcept { return !broken_reason_.empty(); }
  bool is_drained() const noexcept { return queued_ == 0 && running_ == 0; }
  bool has_workers() const noexcept { return !workers_.empty() || starting_ > 0; }
  Counts counts() const;

 private:
  struct Worker {
    unsigned index = 0;
    bool is_ready = false;
    bool is_deaf = false;       // gets no more tasks
    bool is_dismissed = false;  // was told to leave
    std::deque<TaskRef> hands;  // in the order of delivery
  };

  void pump();
  void give(WorkerId id, Worker& worker);
  TaskRef next_queued();
  bool take_back_youngest(WorkerId id, Worker& worker);
  void requeue(TaskRef task);
  void dismiss_all();
  void settle(Task& task, Task::Status status);
  void lose(Task& task, const WorkerEnd& end);
  void replace(unsigned index, Duration delay);
  void on_failure(unsigned index, const std::string& reason);
  void break_pool(const std::string& reason);
  void fail_backlog();
  unsigned start_budget() const noexcept { return max_workers_ < 4 ? 8 : 2 * max_workers_; }

  DispatchPort& port_;
  unsigned max_workers_;
  std::deque<TaskRef> backlog_;  // with those that were cancelled while they stood here
  std::size_t queued_ = 0;       // without them
  std::map<WorkerId, Worker> workers_;
  std::vector<WorkerId> idle_;  // most recently active last
  std::uint64_t next_ticket_ = 1;
  unsigned starting_ = 0;       // asked for, not answered yet
  unsigned failed_starts_ = 0;  // in a row, without a worker that got ready
  std::size_t running_ = 0;
  bool is_closed_ = false;
  std::string broken_reason_;
  Counts totals_;
};

}  // namespace shoal::pool
