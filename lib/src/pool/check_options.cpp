// SPDX-License-Identifier: Apache-2.0
#include "pool/check_options.hpp"

#include <stdexcept>
#include <string>

namespace shoal::pool {

void check_workers(const char* where, unsigned max_workers) {
  constexpr unsigned kMostWorkers = 1024;
  if (max_workers >= 1 && max_workers <= kMostWorkers) return;
  throw std::invalid_argument(std::string(where) + " is " + std::to_string(max_workers) +
                              ": give 1 to " + std::to_string(kMostWorkers));
}

void check_duration(const char* option, Duration value, Duration least) {
  if (value >= least) return;
  throw std::invalid_argument(std::string(option) + " is " +
                              (value < Duration::zero() ? "negative" : "zero"));
}

void check(const TaskOptions& options) {
  check_duration("TaskOptions::backoff", options.backoff, Duration::zero());
  if (options.backoff == forever) {
    throw std::invalid_argument("TaskOptions::backoff is for ever: no retry would come");
  }
  if (!(options.jitter >= 0 && options.jitter <= 1)) {
    throw std::invalid_argument("TaskOptions::jitter is " + std::to_string(options.jitter) +
                                ": give 0 to 1");
  }
  if (options.retry_if != nullptr && options.retries == 0) {
    throw std::invalid_argument(
        "TaskOptions::retry_if is given, but TaskOptions::retries is 0: say how often");
  }
}

}  // namespace shoal::pool
