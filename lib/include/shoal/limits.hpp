// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "shoal/duration.hpp"

namespace shoal {

/// What a process may use. Of a pool: each worker, from the end of its initializer on; a task that
/// exceeds one fails alone. Of a Process: from just before its function runs. The kernel keeps
/// watch; nothing is measured while the limits are kept, and what is not set costs nothing.
/// Applies to one process each: what a task forks has limits as high of its own. A lower limit that
/// the caller itself is under stays.
/// Values that make no sense are std::invalid_argument naming the option before anything is
/// started; a limit that the kernel does not take is never ignored: StartError, or, where that
/// shows in the child only, ResourceError there. Source: setrlimit(2), timer_create(2).
struct Limits {
  /// Bytes of private memory beside what the process has at that time (RLIMIT_DATA); 1 MiB or more,
  /// 0: no limit. Beyond it allocations throw std::bad_alloc, which a task's future gets; its
  /// worker lives. Memory shared with other processes is not counted: large arguments and results
  /// on their way, queues, SharedArray. Counted is what is reserved, not what is touched: a
  /// thread's stack of 8 MiB at once. What a task leaks is gone for the worker's next ones
  /// (PoolOptions::max_tasks_per_child). Of a foreign program: all its private memory. Not under
  /// address and thread sanitizers, whose allocators end the process.
  std::size_t memory = 0;
  /// CPU time of all threads; more than 0. Waiting and sleeping use none.
  /// Of a pool: each task's, and in a map each element's own, counted afresh from its start.
  /// Whoever uses more loses its worker by SIGXCPU, noticed at the next tick of the kernel's clock
  /// (measured: 1 to 4 ms late); its future throws WorkerLostError, which names this option. Costs
  /// some 2 us a task, 0.7 us an element of a map. A task that changes what SIGXCPU does escapes.
  /// Of a Process: its whole life's, in whole seconds, rounded up: then SIGXCPU, and SIGKILL one
  /// second later.
  Duration cpu_time = forever;
  /// Descriptors open at once: new ones have lower numbers (RLIMIT_NOFILE), so that the ones that
  /// are open count; 16 or more, 0: as the caller's. Opening one more fails with EMFILE. More than
  /// the caller's hard limit is StartError.
  unsigned open_files = 0;
  /// Bytes of the largest file that may be written; 0: no limit. A write beyond it fails with
  /// EFBIG, without a signal (RLIMIT_FSIZE; SIGXFSZ is ignored). It guards against accidents: a
  /// process may raise it again. Results are not files.
  std::size_t file_size = 0;
};

}  // namespace shoal
