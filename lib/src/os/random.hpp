// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "os/error.hpp"

namespace shoal::os {

/// Fills `bytes` with what nobody can guess, by the kernel.
Result<void> fill_random(std::span<std::byte> bytes) noexcept;

}  // namespace shoal::os
