// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

// A round between two processes, to and fro, in microseconds: by a cache line, both polling on two
// CPUs, and by futexes, both asleep.
Figures measure_spin_ping_pong(const Scale& scale);
Figures measure_futex_two_cpus(const Scale& scale);
Figures measure_futex_one_cpu(const Scale& scale);
Figures measure_futex_unpinned(const Scale& scale);

/// Copies 64 MiB between two buffers that are there: GB/s.
Figures measure_memcpy(const Scale& scale);

}  // namespace bench
