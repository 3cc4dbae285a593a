// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

namespace shoal::test {

/// True where a sanitizer keeps shadow memory and an allocator of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

/// True where a sanitizer runs a thread of its own, beside which the start method fork is refused.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kIsForkRefused = true;
#else
inline constexpr bool kIsForkRefused = false;
#endif

}  // namespace shoal::test

/// Skips a test that bounds private memory (tests/README.md, "Skips").
#define SHOAL_SKIP_IF_SANITIZED()                                                        \
  if (::shoal::test::kIsSanitized) {                                                     \
    GTEST_SKIP() << "sanitizers map their shadow memory as they go: a bound on private " \
                    "memory ends the program instead of throwing std::bad_alloc";        \
  }

/// Skips a test that puts a library before libc (tests/README.md, "Skips").
#define SHOAL_SKIP_IF_PRELOAD_IS_REFUSED()                                                  \
  if (::shoal::test::kIsSanitized) {                                                        \
    GTEST_SKIP() << "a sanitizer's runtime must be the first library, and intercepts what " \
                    "the other one defines";                                                \
  }
