// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "shoal/task_options.hpp"

namespace shoal::pool {

/// How long to wait before a further attempt: twice as long before each, more or less by chance,
/// of which `random`, 0 to 1, says how much.
inline Duration pause_before(const TaskOptions& options, int attempts, double random) {
  constexpr double kLongest = 3600e9;
  const auto first = static_cast<double>(options.backoff.count());
  const double doubled = std::ldexp(first, std::max(0, attempts - 1));
  const double pause = doubled * (1 + options.jitter * (2 * random - 1));
  return Duration(static_cast<Duration::rep>(std::clamp(pause, 0.0, std::max(first, kLongest))));
}

/// What a task's user has said about it, shared by the parts of a map; none where nothing was said.
using TaskPolicy = std::shared_ptr<const TaskOptions>;

/// What `options` say; none where that is nothing.
inline TaskPolicy policy_of(TaskOptions options) {
  const bool is_said = options.timeout != forever || options.expires != forever ||
                       options.priority != 0 || options.retries != 0 || !options.name.empty();
  return is_said ? std::make_shared<const TaskOptions>(std::move(options)) : nullptr;
}

}  // namespace shoal::pool
