// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal::os {

/// Tells the processor that this thread is polling: some 20 ns, in which a sibling may run.
inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

/// Has the processor bring near what will be read, or written, in a moment. Touches nothing.
inline void expect_read(const void* at) noexcept { __builtin_prefetch(at, 0); }
inline void expect_write(const void* at) noexcept {
#if defined(__x86_64__)
  // What __builtin_prefetch(at, 1) is only with -mprfchw; does nothing where it is not known.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

}  // namespace shoal::os
