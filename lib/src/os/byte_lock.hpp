// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "os/error.hpp"

namespace shoal::os {

/// Locks one byte of a file, for as long as the open file behind `fd` lives: until its last
/// duplicate is closed, by whatever end of its process. False if another open file has it. The file
/// must be open for writing.
Result<bool> try_lock_byte(int fd, std::size_t byte) noexcept;

/// True if an open file other than that behind `fd` has the byte locked. Changes nothing.
Result<bool> is_byte_locked(int fd, std::size_t byte) noexcept;

}  // namespace shoal::os
