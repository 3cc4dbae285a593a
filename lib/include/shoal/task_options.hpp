// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <string>

#include "shoal/duration.hpp"

namespace shoal {

/// How one task is run.
struct TaskOptions {
  /// How long an attempt may run, from its start. Beyond it the worker is ended and replaced, and
  /// the future throws TaskTimeoutError. Zero or less: at once. Absent: PoolOptions::task_timeout.
  Duration timeout = forever;
  /// Until when it must have started, from submit; else it never runs: TaskTimeoutError. Zero or
  /// less: at once, if a worker is free.
  Duration expires = forever;
  /// Tasks of a higher priority start first; those of one priority in the order of submit.
  int priority = 0;
  /// How often it is run again after a lost worker or a time-out: says that it is safe to run
  /// twice. Never after an exception, unless `retry_if` says so.
  unsigned retries = 0;
  /// How long to wait before the first of these; twice as long before each further one.
  Duration backoff = Duration::zero();
  /// Each wait is longer or shorter by up to this part of it, at random: 0 to 1.
  double jitter = 0;
  /// Asked, on the notifier thread, whether a task that has thrown this is run again.
  std::function<bool(const std::exception_ptr&)> retry_if = {};
  /// What errors, traces and this_task::name() call it; empty: the function's name.
  std::string name = {};
};

/// How a map is run.
struct MapOptions {
  /// Elements that travel together; 0: chosen by measuring.
  std::size_t chunksize = 0;
  /// How long the caller waits for all results; beyond it the next one throws TimeoutError. It
  /// stops nothing.
  Duration timeout = forever;
  /// How many elements are read ahead of the results that were taken; 0: all, at once. Then an
  /// lvalue range must outlive the result.
  std::size_t buffersize = 0;
  /// Label of a progress bar on stderr; empty: none.
  std::string progress = {};
  /// How each element is run. Without `retry_if`; this_task::name() gives the function's.
  TaskOptions task = {};
};

/// Which tasks Future::cancel reaches.
enum class Cancel {
  queued,   ///< those that have not started
  running,  ///< also those that run: their worker is ended and replaced
};

}  // namespace shoal
