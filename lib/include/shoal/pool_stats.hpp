// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "shoal/duration.hpp"

namespace shoal {

/// How a time is distributed: `p90` is the time within which nine of ten were done. Each is right
/// to 5 %, the maximum to the nanosecond. Zero where `count` is.
struct Percentiles {
  std::uint64_t count = 0;  ///< how many were measured
  Duration p50 = Duration::zero();
  Duration p90 = Duration::zero();
  Duration p99 = Duration::zero();
  Duration max = Duration::zero();
};

/// What a pool is doing and has done.
struct PoolStats {
  unsigned workers = 0;         ///< worker processes, ready or starting
  unsigned idle = 0;            ///< those that wait for a task
  std::size_t queued = 0;       ///< tasks no worker has yet
  std::size_t running = 0;      ///< tasks in a worker's hands
  std::uint64_t completed = 0;  ///< tasks that gave a value
  std::uint64_t failed = 0;     ///< tasks that threw
  std::uint64_t lost = 0;       ///< tasks that died with their worker
  std::uint64_t restarted = 0;  ///< workers that were replaced
  /// The most tasks that one worker has held ahead of the one it ran: many only of short ones.
  std::size_t prefetch_depth = 0;
  std::uint64_t revocations = 0;  ///< tasks taken back from a worker before it began them
  std::uint64_t wakes = 0;        ///< wake-ups of sleeping workers: a system call each
  std::uint64_t spins = 0;        ///< times a worker, or a thread waiting on any pool, has polled
  /// From the moment it was queued until its result was here. Of the first 256 tasks all are measured, of those that
  /// follow one in 16, since a look at the clock costs as much as a tenth of a short task; of maps,
  /// none.
  Percentiles latency = {};
  /// How long tasks ran, by their workers' clocks: all that ended with a value or an exception. Of
  /// a map each element counts, with the mean of the part that it ran in.
  Percentiles run_time = {};
};

}  // namespace shoal
