// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "pool/payload.hpp"
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
  std::int64_t started = 0;       ///< by the worker's clock, steady, in nanoseconds
  std::int64_t ended = 0;         ///< not earlier
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
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~DispatchPort() = default;
  virtual TimePoint now() = 0;
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
  /// Asks for an on_watch() of this worker's place, and for an on_alarm(), at that time. Those that
  /// were asked for before still come.
  virtual void set_watch(WorkerIndex worker, TimePoint at) = 0;
  virtual void set_alarm(TimePoint at) = 0;
  /// When the oldest task in a worker's hands was begun, of a map's part the element that runs;
  /// none if it was not.
  virtual std::optional<TimePoint> begun(WorkerIndex worker, const Task& task) = 0;
  /// Asks a task to stop; false if it has never looked whether anybody asks.
  virtual bool ask_to_stop(WorkerIndex worker, const Task& task) = 0;
  /// Ends a worker, come what may; answered by on_ended.
  virtual void kill(WorkerIndex worker) = 0;
  /// Asks the task's user whether it is run again after `thrown`; answered by on_answer.
  virtual void ask_user(const TaskRef& task) = 0;
  /// There is room for those who wait in submit.
  virtual void announce_room() = 0;
  /// Asks for an on_collected(), soon: there was no memory for what was to be done now.
  virtual void look_again() {}
};

}  // namespace shoal::pool
