// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "metrics/metrics_file.hpp"
#include "pool/dispatcher.hpp"
#include "pool/trace.hpp"

namespace shoal::pool {

/// What others see of a pool: its numbers, in memory that any process of the same user can read,
/// and its timeline, if somebody asked for one. Told by the pool what happens. Under the engine's
/// lock.
class PoolObserver {
 public:
  /// @throws ResourceError  no descriptors or shared memory are left
  explicit PoolObserver(unsigned places);

  // Tasks.
  /// `task` is about to be queued.
  void on_submit(Task& task) {
    if (trace_ != nullptr || submissions_ < kAllMeasured || submissions_ % kOneMeasuredIn == 0) {
      task.submitted_ns = now();
    }
    ++submissions_;
  }
  /// A worker without tasks was handed one.
  void on_busy(WorkerIndex index) noexcept;
  /// The result of `task` was taken in; the task is as it was before.
  void on_result(WorkerIndex index, const Task& task, const Completed& completed) {
    record_run(completed, task.part != nullptr);
    if (task.submitted_ns != 0 && task.part == nullptr) record_latency(task);
    if (trace_ != nullptr) trace_result(index, task, completed);
  }
  /// So many results of a worker were taken in at once; the last one ended at `ended`.
  void on_results(WorkerIndex index, std::size_t count, bool has_more, std::int64_t ended) noexcept;
  /// The worker has died in the middle of `task`, which it says it began at `started`.
  void on_lost(WorkerIndex index, const Task& task, std::int64_t started) noexcept;

  // Workers.
  void on_started(WorkerIndex index, int pid) noexcept;
  void on_ready(WorkerIndex index) noexcept;
  void on_ended(WorkerIndex index) noexcept;

  // Numbers.
  void set_queue(std::size_t queued, std::size_t running) noexcept {
    metrics_.set(metrics::Counter::queued, queued);
    metrics_.set(metrics::Counter::running, running);
  }
  void set_counts(const Dispatcher::Counts& counts) noexcept;
  /// Completes `stats` by the percentiles, and shares what the dispatcher does not know.
  void complete(PoolStats& stats) noexcept;

  // The timeline.
  /// Begins a timeline, and gives the one that ends by that, to be finished without the lock.
  std::shared_ptr<Trace> set_trace(std::shared_ptr<Trace> trace);
  /// The timeline, if its write() is to be called soon; asking takes the wish away.
  std::shared_ptr<Trace> take_wish() noexcept;
  /// It was not called.
  void wish_again() noexcept { wants_write_ = true; }

 private:
  // So that the figures of a small pool are not those of one task in 16.
  static constexpr std::uint64_t kAllMeasured = 256;
  static constexpr std::uint64_t kOneMeasuredIn = 16;

  // What is known of the worker in a place.
  struct Place {
    int pid = 0;
    std::int64_t traced_until = 0;  // events of one row do not overlap, whatever a worker says
  };

  static std::int64_t now() noexcept;
  void record_run(const Completed& completed, bool is_part) noexcept;
  void record_latency(const Task& task) noexcept;
  void trace_result(WorkerIndex index, const Task& task, const Completed& completed) noexcept;
  void trace_run(WorkerIndex index, const Task& task, TraceEvent event) noexcept;
  Place& place(WorkerIndex index);
  void name_row(WorkerIndex index);

  metrics::MetricsFile metrics_;
  std::uint64_t submissions_ = 0;
  std::vector<Place> places_;
  std::shared_ptr<Trace> trace_;
  bool wants_write_ = false;
};

}  // namespace shoal::pool
