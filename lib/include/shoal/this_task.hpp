// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace shoal {

/// The task that this worker runs. All may be called from any thread of the task, and, so that its
/// code can be tried without a pool, anywhere else: then there is no name, the numbers are 0, and
/// nobody asks it to stop.
/// Source: Celery's Task.request; std::this_thread.
namespace this_task {

/// TaskOptions::name, else the function's.
std::string name();

/// Names the task within its pool: the same in each attempt.
std::uint64_t id() noexcept;

/// 1 when it runs for the first time.
unsigned attempt() noexcept;

/// True once the task is to end: its time is up (TaskOptions::timeout), or it was cancelled
/// (Cancel::running). Whoever has asked once is given PoolOptions::grace to return before the worker
/// is ended; what it returns then is dropped. Cost: two plain memory accesses.
bool stop_requested() noexcept;

/// Says how far the task is, 0 to 1, for Future::progress(). Cost: three plain memory accesses.
void report(double progress) noexcept;

}  // namespace this_task

/// The worker process that runs this.
namespace this_worker {

/// Its place in the pool, from 0: a worker that replaces another has that one's.
/// @throws std::logic_error  this is no worker of a pool
unsigned index();

/// True in a worker of a pool.
bool is_worker() noexcept;

}  // namespace this_worker

namespace internal {
[[noreturn]] void fail_no_worker(const char* what);
}

/// A `T` that lasts as long as the worker, made at first use: what an initializer prepares and tasks
/// use. Ends with the process; its destructor does not run.
/// @throws std::logic_error  this is no worker of a pool
template <class T>
T& worker_local() {
  if (!this_worker::is_worker()) internal::fail_no_worker("worker_local");
  static T& value = *new T();
  return value;
}

}  // namespace shoal
