// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace bench {

/// What threads have used up to now.
struct Usage {
  std::int64_t cpu_ns = 0;
  std::int64_t switches = 0;  ///< context switches, wanted or not
};

/// Adds up this process without the calling thread, and all processes below it.
Usage usage_of_family();

/// Lists the processes below this one.
std::vector<pid_t> descendants();

/// Private memory of a process, in kB.
double private_kb(pid_t pid);

/// Resident memory of this process, in bytes.
double resident_bytes();

}  // namespace bench
