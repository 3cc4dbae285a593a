// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace shoal::os {

/// Leaves a mapping out of the copies that fork(2) makes.
void keep_from_children(void* address, std::size_t bytes) noexcept;

}  // namespace shoal::os
