// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "os/cpu.hpp"
#include "os/futex.hpp"

namespace shoal::sync {

/// What the shared-memory algorithms run on: the machine's atomics and the kernel's futex. They
/// take it as a template parameter, so that the very same code also runs on a model of a machine.
struct Hardware {
  template <class T>
  using Atomic = std::atomic<T>;

  /// Orders a store before a later load of another word, which release and acquire do not.
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  /// The same for a store by compare-and-swap or fetch-and-add, which on some processors suffices.
  static void fence_after_swap() noexcept {
#if defined(__x86_64__)
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a locked instruction is a fence
#else
    fence();
#endif
  }

  /// Copies plain bytes into shared memory; a store that releases follows.
  static void write(void* to, const void* from, std::size_t bytes) noexcept {
    std::memcpy(to, from, bytes);
  }
  /// Copies plain bytes out of shared memory, once: another process may be changing them, so what
  /// is checked afterwards is the copy, which the compiler must not make anew.
  static void read(void* to, const void* from, std::size_t bytes) noexcept {
    std::memcpy(to, from, bytes);
    asm volatile("" ::: "memory");
  }

  /// One step of polling.
  static void relax() noexcept { os::relax(); }

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
