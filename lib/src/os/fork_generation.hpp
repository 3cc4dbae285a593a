// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace shoal::os {

/// Counts the fork(2)s between the program's start and this process: an object that remembers
/// another number was made in another process. Costs one load.
std::uint32_t fork_generation() noexcept;

/// Where that is counted, for what must not cost a call.
const std::atomic<std::uint32_t>& fork_generation_word() noexcept;

}  // namespace shoal::os
