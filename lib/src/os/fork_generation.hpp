// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::os {

/// Counts the fork(2)s between the program's start and this process: an object that remembers
/// another number was made in another process. Costs one load.
std::uint32_t fork_generation() noexcept;

}  // namespace shoal::os
