// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/function.hpp"
#include "shoal/limits.hpp"
#include "shoal/sandbox.hpp"
#include "shoal/start_method.hpp"
#include "shoal/worker_event.hpp"

namespace shoal {

/// What becomes of a task whose worker dies while it runs.
class CrashPolicy {
 public:
  /// Its future throws WorkerLostError.
  static constexpr CrashPolicy fail_task() noexcept { return CrashPolicy(0); }
  /// It is run again up to `retries` times: for tasks that are safe to run twice.
  static constexpr CrashPolicy retry_task(unsigned retries) noexcept {
    return CrashPolicy(retries);
  }

  constexpr unsigned retries() const noexcept { return retries_; }
  friend constexpr bool operator==(CrashPolicy, CrashPolicy) = default;

 private:
  explicit constexpr CrashPolicy(unsigned retries) noexcept : retries_(retries) {}

  unsigned retries_;
};

/// How many workers may die within a time in which no task is finished. One more breaks the pool:
/// all its tasks fail with BrokenPoolError, which names the task that ended the last one.
struct RestartIntensity {
  unsigned restarts = 100;
  Duration within = std::chrono::seconds(10);
};

/// How a pool is made.
struct PoolOptions {
  /// Worker processes: 1 to 1024. More than CPUs pays only for tasks that wait.
  unsigned max_workers = cpu_count();
  /// How the workers are started; default: get_start_method(), forkserver if nobody said otherwise.
  Context context = {};
  /// Runs once in every worker before its first task. If it throws, the pool is broken:
  /// BrokenPoolError with its message.
  BoundTask initializer = {};
  /// How many tasks a worker runs before another takes its place; 0: no limit.
  unsigned max_tasks_per_child = 0;
  /// Bytes of memory (resident set) beyond which a worker is replaced after a task; 0: no limit.
  std::size_t max_rss_per_child = 0;
  /// How long a worker lives before it is replaced, after the task it runs then.
  Duration max_age_per_child = forever;
  /// TaskOptions::timeout of tasks that have none.
  Duration task_timeout = forever;
  /// How long a task that asks this_task::stop_requested() may take to heed it before its worker
  /// is ended, after a time-out and Cancel::running.
  Duration grace = std::chrono::seconds(1);
  /// What each worker may use.
  Limits limits = {};
  /// What each worker is kept from.
  Sandbox sandbox = Sandbox::none;
  /// What becomes of tasks whose worker dies.
  CrashPolicy on_crash = CrashPolicy::fail_task();
  /// When to give up.
  RestartIntensity restart = {};
  /// How long a waiting thread, and a worker without tasks, polls before it sleeps; 0: not at all.
  /// Polling saves the 5 to 40 us of a wake-up. At most one less than there are CPUs poll at once,
  /// and they stop where it does not pay. Costs CPU for this long after each burst of tasks.
  Duration spin = std::chrono::microseconds(20);
  /// How many tasks may wait for a worker; beyond it submit blocks, and try_submit gives none. A
  /// map counts as one. 0: no limit.
  std::size_t max_queued = 0;
  /// How many bytes of arguments may wait for a worker, likewise; 0: no limit.
  std::size_t max_queued_bytes = 0;
  /// Told, on the notifier thread, what happens to the workers; all of it before the pool is gone.
  std::function<void(const WorkerEvent&)> on_worker_event = {};
};

/// How a pool ends.
struct ShutdownOptions {
  /// Return only when every task is done and every worker is gone.
  bool wait = true;
  /// Cancel what has not started.
  bool cancel_futures = false;
};

}  // namespace shoal
