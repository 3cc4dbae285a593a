// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shoal/duration.hpp"
#include "shoal/task_options.hpp"

namespace shoal::pool {

/// @throws std::invalid_argument  naming `where`: not within 1 to 1024
void check_workers(const char* where, unsigned max_workers);
/// @throws std::invalid_argument  naming `option`: `value` is less than `least`
void check_duration(const char* option, Duration value, Duration least);
/// @throws std::invalid_argument  naming the option that makes no sense
void check(const TaskOptions& options);

}  // namespace shoal::pool
