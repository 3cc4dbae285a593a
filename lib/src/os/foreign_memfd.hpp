// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "os/fd.hpp"

namespace shoal::os {

/// Opens, for reading, every shared file called `name` that process `pid` holds open, in the order
/// of its descriptors. What they are is for the caller to check: that process chose the name. Fails
/// with ENOENT where there is no such process, and with EACCES where it is another user's.
Result<std::vector<Fd>> open_memfds_of(int pid, const char* name);

}  // namespace shoal::os
