// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "shoal/duration.hpp"
#include "shoal/task_options.hpp"

namespace shoal::pool {

class Task;

/// Where a task runs, as its future sees it. Called under the engine's lock.
class TaskHome : public std::enable_shared_from_this<TaskHome> {
 public:
  TaskHome() = default;
  TaskHome(const TaskHome&) = delete;
  TaskHome& operator=(const TaskHome&) = delete;
  virtual ~TaskHome() = default;

  /// How long who waits for a task polls before it sleeps.
  virtual Duration spin() const noexcept = 0;
  /// Cancels `task` if it has not started, or, by Cancel::running, ends it; false if it could not.
  virtual bool cancel(Task& task, Cancel reach) = 0;
  /// How far a task says it is.
  virtual std::optional<double> progress(const Task& task) const = 0;
};

}  // namespace shoal::pool
