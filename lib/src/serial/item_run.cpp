// SPDX-License-Identifier: Apache-2.0
#include "shoal/item_run.hpp"

#include <algorithm>
#include <chrono>

#include "os/cpu_timer.hpp"

namespace shoal::internal {

void ItemRun::look_at_clock() noexcept {
  constexpr std::int64_t kPrecisionNanoseconds = 10'000;
  constexpr std::uint32_t kLongestInterval = 4096;
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  if (now - looked_at_ > kPrecisionNanoseconds) {
    clock_interval_ = std::max(clock_interval_ / 8, std::uint32_t{1});
  } else if (2 * (now - looked_at_) < kPrecisionNanoseconds) {
    clock_interval_ = std::min(clock_interval_ * 2, kLongestInterval);
  }
  looked_at_ = now;
  if (words_.cpu_timer != nullptr) {
    words_.cpu_timer->start();
    clock_interval_ = 1;
  }
  until_clock_ = clock_interval_;
  words_.started.store(now, std::memory_order_relaxed);
}

}  // namespace shoal::internal
