// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/task.hpp"

namespace shoal::pool {

/// Throws what kept a task from a value, or an element of a map's part; returns if there is none.
void raise_failure(const Task& task);

/// @throws std::logic_error  the task was submitted by the process that this one was forked from
void check_generation(const Task& task);

}  // namespace shoal::pool
