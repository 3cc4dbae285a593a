// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal::os {

/// True unless /proc tells that the process `pid` has no anonymous shared file named `name` in its
/// memory: it executes another program by now.
bool may_map(int pid, const char* name);

}  // namespace shoal::os
