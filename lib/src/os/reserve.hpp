// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "os/error.hpp"

namespace shoal::os {

/// Gives the first `bytes` of the shared file `fd` their memory now: a machine without it fails
/// here, with ENOMEM, or ENOSPC where its file system is full, and not at somebody's touch later on.
/// What is there stays as it is.
Result<void> reserve(int fd, std::size_t bytes);

/// Bytes of memory that the machine has left, or, where that is less, swap aside, this process's
/// control group; as many as there can be where nobody tells.
std::size_t available_memory();

}  // namespace shoal::os
