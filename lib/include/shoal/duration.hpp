// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace shoal {

/// A length of time on the steady clock. Every integer duration converts (`500ms`); `0.5s` does
/// not. Zero or less means: do not wait.
using Duration = std::chrono::nanoseconds;

/// An absent time limit.
inline constexpr Duration forever = Duration::max();

}  // namespace shoal
