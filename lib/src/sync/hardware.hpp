// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "os/futex.hpp"

namespace shoal::sync {

/// What the shared-memory algorithms run on: the machine's atomics and the kernel's futex. They
/// take it as a template parameter, so that the very same code also runs on a model of a machine.
struct Hardware {
  template <class T>
  using Atomic = std::atomic<T>;

  /// Orders a store before a later load of another word, which release and acquire do not.
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  static void wait(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                   base::Deadline deadline) noexcept {
    os::futex_wait(word, expected, deadline);
  }
  static int wake(const Atomic<std::uint32_t>& word, int count) noexcept {
    return os::futex_wake(word, count);
  }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace shoal::sync
