// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "shared/recovery.hpp"

namespace shoal::shared {

/// Frees what a dead participant had in a queue: a message that it was putting is gone, and so is
/// one that it had got; both whole.
void recover_queue(const Recovery& recovery) noexcept;
void wake_queue(std::span<std::byte> memory) noexcept;

}  // namespace shoal::shared
