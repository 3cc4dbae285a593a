// SPDX-License-Identifier: Apache-2.0
#include "os/clock.hpp"

#include <time.h>

namespace shoal::os {

std::int64_t coarse_nanoseconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace shoal::os
