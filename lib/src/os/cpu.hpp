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

}  // namespace shoal::os
