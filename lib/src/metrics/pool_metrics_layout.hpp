// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/histogram.hpp"
#include "sync/hardware.hpp"

// What a pool tells about itself to whoever reads: an anonymous file (memfd) named "shoal-metrics",
// which another process of the same user finds under /proc/<pid>/fd and maps.
//
//   0x0000 header: magic, version, pid, bytes, opened, places
//   0x0040 counters, 8 bytes each, in the order of Counter
//   0x0100 latency, run_time: largest, then 656 buckets, 8 bytes each
//   0x3000 workers  1024 x 32 bytes  {pid, state, done, since}
//   0xb000 end
//
// Invariants:
//  1. The parent of the pool alone writes, through the one map it has: the file is sealed, so that
//     nobody else can, and its size is fixed. Its engine's lock covers all writes.
//  2. `magic` is written when the header is whole. The header never changes, but for `places`,
//     which only grows.
//  3. Every other word is right by itself at any moment; words of one moment are not promised to be
//     of the same one. A writer that was killed between two leaves numbers that are some
//     microseconds apart, and nothing to repair.
//  4. A reader takes every number for a stranger's: no index, length or offset stands in here.
//
// Worked example: a pool of two, the first task runs in worker 0: places = 2, counters[workers] =
// 2, [idle] = 1, [running] = 1; workers[0] = {pid 812, busy, 0, since}, workers[1] = {pid 813,
// idle, …}.

namespace shoal::metrics {

inline constexpr std::uint64_t kMetricsMagic = 0x54454d4c414f4853;
inline constexpr std::uint32_t kMetricsVersion = 1;
inline constexpr std::size_t kMetricsBytes = 0xb000;
inline constexpr unsigned kMostPlaces = 1024;
inline constexpr char kMetricsName[] = "shoal-metrics";

/// The numbers of PoolStats, in their order there.
enum class Counter : std::uint8_t {
  workers,
  idle,
  queued,
  running,
  completed,
  failed,
  lost,
  restarted,
  prefetch_depth,
  revocations,
  wakes,
  spins,
};
inline constexpr std::size_t kCounters = 12;

/// One place of a pool, and the worker that stands in it.
template <class Platform>
struct WorkerRow {
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;

  Atomic<std::uint32_t> pid;    ///< 0: nobody
  Atomic<std::uint32_t> state;  ///< 0: nobody, 1: starting, 2: idle, 3: busy
  Atomic<std::uint64_t> done;   ///< tasks and parts of maps this worker has finished
  Atomic<std::int64_t> since;   ///< when it entered the state or began its task, steady clock
  std::uint64_t unused;
};

template <class Platform>
struct PoolMetricsFile {
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;

  Atomic<std::uint64_t> magic;
  std::uint32_t version;
  std::uint32_t pid;
  std::uint64_t bytes;
  std::int64_t opened;           ///< steady-clock nanoseconds
  Atomic<std::uint32_t> places;  ///< rows in use
  alignas(64) std::array<Atomic<std::uint64_t>, kCounters> counters;
  alignas(256) Histogram<Platform> latency;
  Histogram<Platform> run_time;
  alignas(4096) std::array<WorkerRow<Platform>, kMostPlaces> workers;
};

using SharedPoolMetrics = PoolMetricsFile<sync::Hardware>;
static_assert(sizeof(WorkerRow<sync::Hardware>) == 32);
static_assert(offsetof(SharedPoolMetrics, counters) == 0x40);
static_assert(offsetof(SharedPoolMetrics, latency) == 0x100);
static_assert(offsetof(SharedPoolMetrics, workers) == 0x3000);
static_assert(sizeof(SharedPoolMetrics) == kMetricsBytes);

}  // namespace shoal::metrics
