// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/pool_stats.hpp"

namespace shoal {

/// The numbers of a pool of another process (or of this one), read from memory that the pool
/// shares: it is not asked, and does not notice. A stopped or stuck process is read as well.
///
/// If the process dies, what it wrote last can still be read by those who have attached; once they
/// let go of it, nothing is left. is_alive() tells. What is read is taken for a stranger's word: it
/// may be nonsense, and harms nobody.
/// Copies share the attachment. Safe from many threads.
class PoolMetrics {
 public:
  /// What a worker does.
  enum class State { starting, idle, busy };

  struct Worker {
    unsigned index = 0;  ///< its place in the pool, from 0
    int pid = 0;
    State state = State::starting;
    std::uint64_t done = 0;  ///< tasks and parts of maps it has finished
    /// When it entered the state, or began the task it runs: to the clock tick, some 4 ms.
    std::chrono::steady_clock::time_point since = {};
  };

  /// Times, sorted into buckets: `count` of them were longer than the last bucket's `up_to`, and at
  /// most this one's.
  struct Bucket {
    Duration up_to = Duration::zero();
    std::uint64_t count = 0;
  };

  /// One moment's numbers. Each is right by itself; they may be some microseconds apart.
  struct Snapshot {
    PoolStats stats;               ///< `wakes` and `spins` as of the pool's last stats()
    std::vector<Worker> workers;   ///< those that stand
    std::vector<Bucket> latency;   ///< PoolStats::latency, without empty buckets
    std::vector<Bucket> run_time;  ///< PoolStats::run_time
  };

  /// Gives the pools of a process of the same user, the oldest first; none if it has none.
  /// @throws Error  there is no such process, it is another user's, or it runs another version of
  ///                shoal
  /// Cost: a look at each of the process' open files. Asks for /proc, and pids as /proc has them.
  static std::vector<PoolMetrics> attach(int pid);

  /// Reads the numbers. Cost: some 20 KB are copied.
  Snapshot read() const;

  /// The process that has the pool.
  int pid() const noexcept;
  /// How long ago the pool was opened, to the clock tick.
  Duration age() const noexcept;
  /// False once the process has ended: the numbers are the last ones.
  bool is_alive() const noexcept;

 private:
  struct Attachment;
  explicit PoolMetrics(std::shared_ptr<const Attachment> attachment) noexcept;

  std::shared_ptr<const Attachment> attachment_;
};

}  // namespace shoal
