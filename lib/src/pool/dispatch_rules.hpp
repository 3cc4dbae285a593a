// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "shoal/pool_options.hpp"

namespace shoal::pool {

/// What a pool's options say to its dispatcher.
struct DispatchRules {
  static DispatchRules of(const PoolOptions& options) {
    return {.max_workers = options.max_workers,
            .max_tasks_per_child = options.max_tasks_per_child,
            .max_age_per_child = options.max_age_per_child,
            .task_timeout = options.task_timeout,
            .grace = options.grace,
            .crash_retries = options.on_crash.retries(),
            .restart = options.restart,
            .max_queued = options.max_queued,
            .max_queued_bytes = options.max_queued_bytes};
  }

  unsigned max_workers = 1;
  unsigned max_tasks_per_child = 0;
  Duration max_age_per_child = forever;
  Duration task_timeout = forever;
  Duration grace = Duration::zero();
  unsigned crash_retries = 0;
  RestartIntensity restart = {};
  std::size_t max_queued = 0;
  std::size_t max_queued_bytes = 0;
};

}  // namespace shoal::pool
