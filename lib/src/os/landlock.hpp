// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "os/error.hpp"

namespace shoal::os {

/// Denies the calling thread, and what it starts, every access to files that are not open yet, and
/// TCP, by Landlock; it must have given up gaining privileges. False if the kernel has no Landlock
/// or runs without it.
Result<bool> deny_files() noexcept;

}  // namespace shoal::os
