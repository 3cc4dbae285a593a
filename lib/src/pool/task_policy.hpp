// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "shoal/task_options.hpp"

namespace shoal::pool {

/// What a task's user has said about it, shared by the parts of a map; none where nothing was said.
using TaskPolicy = std::shared_ptr<const TaskOptions>;

/// What is said about each element of a map; none where nothing is.
inline TaskPolicy policy_of(const MapOptions& options) {
  const TaskOptions& task = options.task;
  const bool is_said = task.timeout != forever || task.expires != forever || task.priority != 0 ||
                       task.retries != 0 || !task.name.empty();
  return is_said ? std::make_shared<const TaskOptions>(task) : nullptr;
}

}  // namespace shoal::pool
