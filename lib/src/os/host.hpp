// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace shoal::os {

/// CPUs this process may use: the affinity mask, cut to the cgroup's quota (v1 and v2, every level
/// up to the root), rounded up; at least 1.
unsigned usable_cpus();

struct Thread {
  int id = 0;
  std::string name;
};

/// The threads of this process, without those that have begun to end (a thread that was joined may
/// still be listed by the kernel for an instant).
std::vector<Thread> list_threads();

}  // namespace shoal::os
