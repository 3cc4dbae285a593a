// SPDX-License-Identifier: Apache-2.0
#include "os/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

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

Result<void> futex_wait_any(std::span<const FutexWord> words, base::Deadline deadline) noexcept {
  // As in <linux/futex.h> of 5.16, which older systems compile without.
  struct Waiter {
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
  };
  constexpr long kFutexWaitv = 449;
  constexpr std::uint32_t kFutex32 = 2;
  std::array<Waiter, kMostFutexWords> waiters;
  std::size_t count = 0;
  for (const FutexWord& word : words.first(std::min(words.size(), kMostFutexWords))) {
    waiters[count++] = {word.expected, reinterpret_cast<std::uintptr_t>(word.word), kFutex32, 0};
  }
  timespec until{};
  if (!deadline.is_never()) until = absolute(deadline);
  const long woken = ::syscall(kFutexWaitv, waiters.data(), count, 0,
                               deadline.is_never() ? nullptr : &until, CLOCK_MONOTONIC);
  if (woken < 0 && errno == ENOSYS) return failure(errno, "futex_waitv", "%zu words", count);
  return {};
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept {
  const long woken = ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

}  // namespace shoal::os
