// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "pool/task.hpp"
#include "shoal/function.hpp"
#include "shoal/map_source.hpp"
#include "shoal/progress.hpp"
#include "shoal/task_options.hpp"

namespace shoal::pool {

class ProcessPool;

/// What a map has beside its parts if it is run with options: until when its results are waited
/// for, what is still to be read, and whether they come in whatever order. Used by one thread.
class MapCourse {
 public:
  MapCourse(std::shared_ptr<ProcessPool> pool, const MapOptions& options, internal::MapStyle style);

  /// Says what is called, with what, and reads the first elements; tells how many.
  /// @throws PoolClosedError, ResourceError
  std::size_t open(const internal::CallTarget& call, std::unique_ptr<internal::MapSource> source);
  /// Reads more, if there is room for it behind `outstanding` elements whose results nobody took;
  /// tells how many more elements there are now, one that throws what kept it from reading on
  /// among them.
  std::size_t read_ahead(std::size_t outstanding);
  /// Gives what was submitted elsewhere, from `first` on.
  void begin_at(TaskRef first) { chains_.push_back(std::move(first)); }
  /// Queues elements.
  void submit(const internal::CallTarget& call, std::vector<internal::ItemBatch>&& batches);

  /// The first part of what was submitted behind what has been read; none: there is nothing. Where
  /// parts come in whatever order, waits for one.
  /// @throws TimeoutError
  TaskRef next();
  /// The part behind one that has been read; none: see next().
  TaskRef behind(TaskRef current);
  /// Cancels what has not started, behind `current` and elsewhere.
  void drop(TaskRef current);

  /// In a forked copy of the process that made it.
  bool is_elsewhere() const noexcept;
  base::Deadline deadline() const noexcept { return deadline_; }
  const std::exception_ptr& failure() const noexcept { return failure_; }

 private:
  std::size_t read(std::size_t room, std::size_t outstanding);
  bool fill(internal::ItemEncoder& items, std::size_t room, std::size_t outstanding);

  std::shared_ptr<ProcessPool> pool_;
  const MapOptions options_;
  std::optional<Progress> progress_;  // of an input whose end nobody knows
  const internal::MapStyle style_;
  base::Deadline deadline_;
  internal::CallTarget call_;
  std::unique_ptr<internal::MapSource> source_;  // none once all is read
  std::exception_ptr failure_;                   // what ended the reading
  std::deque<TaskRef> chains_;  // first parts of what was submitted and not yet reached; or of all
  std::shared_ptr<Ledger> ledger_;  // where parts come in whatever order
  std::uint32_t generation_;
};

}  // namespace shoal::pool
