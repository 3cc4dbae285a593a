// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shoal/duration.hpp"

namespace shoal::pool {

/// The place of a worker in its pool, from 0. At most one incarnation stands in it.
using WorkerIndex = unsigned;

/// Follows each worker from its start to its end, and decides whether another takes its place, and
/// when. Pure: it knows no clock and no process.
///
/// A worker that does not come to be is tried again, at longer and longer intervals. The pool is
/// broken once so many starts in a row have failed that nobody is left to run its tasks.
class Supervisor {
 public:
  explicit Supervisor(unsigned max_workers) : places_(max_workers) {}

  void on_starting(WorkerIndex index);
  void on_started(WorkerIndex index);
  /// False if nobody there was waited for.
  bool on_ready(WorkerIndex index);
  /// The worker takes no more tasks.
  void on_deaf(WorkerIndex index) { places_[index].is_deaf = true; }
  /// The worker is to leave; false if it was told before, or would not hear it.
  bool dismiss(WorkerIndex index);

  /// The worker is gone, or its start has failed: how long to wait before the next start; none if
  /// the pool is broken by now.
  std::optional<Duration> on_ended(WorkerIndex index);
  std::optional<Duration> on_start_failed(WorkerIndex index, const std::string& reason);
  /// The worker is gone, or did not come, and nobody is to replace it.
  void vacate(WorkerIndex index);

  bool is_present(WorkerIndex index) const noexcept { return places_[index].is_present; }
  bool takes_tasks(WorkerIndex index) const noexcept {
    return places_[index].is_ready && !places_[index].is_deaf;
  }
  unsigned max_workers() const noexcept { return static_cast<unsigned>(places_.size()); }
  /// Workers that run, ready or not.
  unsigned present() const noexcept { return present_; }
  bool has_workers() const noexcept { return present_ + starting_ > 0; }
  const std::string& broken_reason() const noexcept { return broken_reason_; }

 private:
  struct Place {
    bool is_starting = false;
    bool is_present = false;
    bool is_ready = false;
    bool is_deaf = false;
    bool is_dismissed = false;
  };

  std::optional<Duration> on_failure(const std::string& reason);

  std::vector<Place> places_;
  unsigned starting_ = 0;
  unsigned present_ = 0;
  unsigned ready_ = 0;
  unsigned failed_starts_ = 0;  // in a row, without a worker that got ready
  std::string broken_reason_;
};

}  // namespace shoal::pool
