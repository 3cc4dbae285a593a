// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace shoal::os {

/// Leaves a mapping out of the copies that fork(2) makes.
void keep_from_children(void* address, std::size_t bytes) noexcept;

/// Has the allocator keep what is freed, also large pieces, for the next one who asks: a fresh page
/// costs ten times the copy that fills it.
void keep_freed_memory() noexcept;

/// Gives back to the system what the allocator has kept.
void return_freed_memory() noexcept;

}  // namespace shoal::os
