// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/pool_options.hpp"

namespace shoal::pool {

/// The place of a worker in its pool, from 0. At most one incarnation stands in it.
using WorkerIndex = unsigned;

/// Follows each worker from its start to its end, and decides whether another takes its place, and
/// when. Pure: it knows no clock and no process.
///
/// A worker that does not come to be is tried again, at longer and longer intervals. The pool is
/// broken once so many starts in a row have failed that nobody is left to run its tasks; once its
/// workers die so fast that no task is finished; and once the initializer has thrown.
class Supervisor {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Supervisor(unsigned max_workers) : places_(max_workers), wanted_(max_workers) {}

  /// From now on places below `count` are to be filled, those from there on left.
  void resize(unsigned count);

  void on_starting(WorkerIndex index);
  void on_started(WorkerIndex index);
  /// False if nobody there was waited for.
  bool on_ready(WorkerIndex index);
  /// The worker takes no more tasks.
  void on_deaf(WorkerIndex index) { places_[index].is_deaf = true; }
  /// The worker takes no more tasks, and is to leave once it has none.
  void on_worn(WorkerIndex index) { places_[index].is_worn = true; }
  /// A worker has died, though nobody had asked it to: with `task`, if that is not empty. Without
  /// the memory to count it, it is not counted.
  void on_loss(TimePoint now, const RestartIntensity& allowed, std::string_view task) noexcept;
  /// A task has come to its end in a worker that lives.
  void on_finished() noexcept {
    if (!losses_.empty()) losses_.clear();
  }
  /// The pool gives up.
  void on_broken(const std::string& reason);
  /// The worker is to leave; false if it was told before, or would not hear it.
  bool dismiss(WorkerIndex index);

  /// The worker is gone, or its start has failed: how long to wait before the next start; none if
  /// the pool is broken by now.
  std::optional<Duration> on_ended(WorkerIndex index) noexcept;
  std::optional<Duration> on_start_failed(WorkerIndex index, std::string_view reason) noexcept;
  /// The worker is gone, or did not come, and nobody is to replace it.
  void vacate(WorkerIndex index) noexcept;

  bool is_present(WorkerIndex index) const noexcept { return places_[index].is_present; }
  bool takes_tasks(WorkerIndex index) const noexcept {
    const Place& place = places_[index];
    return place.is_ready && !place.is_deaf && !place.is_worn;
  }
  bool is_ready(WorkerIndex index) const noexcept { return places_[index].is_ready; }
  bool is_worn(WorkerIndex index) const noexcept { return places_[index].is_worn; }
  bool is_dismissed(WorkerIndex index) const noexcept { return places_[index].is_dismissed; }
  /// True if nobody stands there or is on the way.
  bool is_vacant(WorkerIndex index) const noexcept {
    return !places_[index].is_present && !places_[index].is_starting;
  }
  /// How many workers there are to be.
  unsigned wanted() const noexcept { return wanted_; }
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
    bool is_worn = false;
    bool is_dismissed = false;
  };

  std::optional<Duration> on_failure(std::string_view reason) noexcept;
  void break_down(std::string_view reason) noexcept;

  std::vector<Place> places_;
  unsigned wanted_;
  unsigned starting_ = 0;
  unsigned present_ = 0;
  unsigned ready_ = 0;
  unsigned failed_starts_ = 0;  // in a row, without a worker that got ready
  std::deque<TimePoint> losses_;  // since a task was finished
  std::string broken_reason_;
};

}  // namespace shoal::pool
