// SPDX-License-Identifier: Apache-2.0
#include "os/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace shoal::os {
namespace {

timespec absolute(base::Deadline deadline) noexcept {
  const auto since = deadline.at().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  return {static_cast<time_t>(seconds.count()),
          static_cast<long>(std::chrono::nanoseconds(since - seconds).count())};
}

}  // namespace

// FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, which is libstdc++'s steady_clock.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                base::Deadline deadline) noexcept {
  timespec until{};
  if (!deadline.is_never()) until = absolute(deadline);
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, deadline.is_never() ? nullptr : &until,
            nullptr, FUTEX_BITSET_MATCH_ANY);
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept {
  const long woken = ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

}  // namespace shoal::os
