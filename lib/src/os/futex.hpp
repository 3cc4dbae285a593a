// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/deadline.hpp"
#include "os/error.hpp"

namespace shoal::os {

/// Sleeps while `word` holds `expected`, until woken, `deadline`, or a signal; may wake for
/// nothing. Works across processes and on read-only maps. A waker killed before its wake leaves the
/// sleeper asleep: whoever notices the death wakes every word of the dead.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                base::Deadline deadline) noexcept;

/// A word to sleep on, and what it must hold for that.
struct FutexWord {
  const std::atomic<std::uint32_t>* word;
  std::uint32_t expected;
};
inline constexpr std::size_t kMostFutexWords = 128;

/// As futex_wait(), on several words at once. Fails with ENOSYS on kernels before 5.16.
Result<void> futex_wait_any(std::span<const FutexWord> words, base::Deadline deadline) noexcept;

/// Wakes up to `count` sleepers on `word` and returns how many there were. An address that is not
/// mapped any more wakes nobody and is no error.
int futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept;

}  // namespace shoal::os
