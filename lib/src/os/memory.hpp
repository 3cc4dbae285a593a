// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "os/fd.hpp"

namespace shoal::os {

/// Where the kernel tells how much memory this process has: to be opened while that is allowed.
Result<Fd> open_memory_use() noexcept;

/// Bytes of this process's memory that are resident; of a file that is no longer open, the most
/// that ever were.
std::size_t resident_bytes(const Fd& memory_use) noexcept;

/// Leaves a mapping out of the copies that fork(2) makes.
void keep_from_children(void* address, std::size_t bytes) noexcept;

/// Has the allocator keep what is freed, also large pieces, for the next one who asks: a fresh page
/// costs ten times the copy that fills it.
void keep_freed_memory() noexcept;

/// Gives back to the system what the allocator has kept.
void return_freed_memory() noexcept;

}  // namespace shoal::os
