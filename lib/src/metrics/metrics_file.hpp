// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "memory/mapping.hpp"
#include "metrics/pool_metrics_layout.hpp"
#include "os/fd.hpp"

namespace shoal::metrics {

/// The one writer's side of a pool's numbers, see pool_metrics_layout.hpp. Nothing of it is left
/// once its process is gone and no reader maps it. Under the lock of its owner.
class MetricsFile {
 public:
  enum class State : std::uint32_t { nobody = 0, starting = 1, idle = 2, busy = 3 };

  static os::Result<MetricsFile> create(unsigned places);

  void set(Counter counter, std::uint64_t value) noexcept {
    // relaxed: each number is right by itself.
    file().counters[static_cast<std::size_t>(counter)].store(value, std::memory_order_relaxed);
  }
  Histogram<sync::Hardware>& latency() noexcept { return file().latency; }
  Histogram<sync::Hardware>& run_time() noexcept { return file().run_time; }

  /// A worker stands in place `index`, or nobody does.
  void set_worker(unsigned index, int pid, State state) noexcept;
  void set_state(unsigned index, State state, std::int64_t since) noexcept;
  /// The worker has finished `count` more; since then it is in `state`.
  void add_done(unsigned index, std::uint64_t count, State state, std::int64_t since) noexcept;

 private:
  SharedPoolMetrics& file() const noexcept;
  WorkerRow<sync::Hardware>& row(unsigned index) noexcept;

  os::Fd fd_;  // open, so that readers find it under /proc
  memory::Mapping mapping_;
};

}  // namespace shoal::metrics
