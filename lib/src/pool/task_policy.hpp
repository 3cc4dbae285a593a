// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "shoal/task_options.hpp"

namespace shoal::pool {

/// What a task's user has said about it, shared by the parts of a map; none where nothing was said.
using TaskPolicy = std::shared_ptr<const TaskOptions>;

}  // namespace shoal::pool
