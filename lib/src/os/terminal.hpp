// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <optional>

namespace shoal::os {

/// How many columns the terminal has that `stream` writes to; 80 where it does not say. None if it
/// is no terminal.
std::optional<unsigned> terminal_width(std::FILE* stream) noexcept;

}  // namespace shoal::os
