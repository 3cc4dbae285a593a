// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <utility>

#include "base/result.hpp"

namespace shoal::os {

using base::Failure;
using base::failure;
using base::Result;

/// Calls `fn` again for as long as a signal interrupts it.
template <class F>
auto retry_interrupted(F&& fn) noexcept(noexcept(fn())) {
  auto result = fn();
  while (result == -1 && errno == EINTR) result = fn();
  return result;
}

}  // namespace shoal::os
