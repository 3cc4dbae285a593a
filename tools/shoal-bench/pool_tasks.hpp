// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

Figures measure_pool_throughput(const Scale& scale);  // S1: M tasks/s
Figures measure_pool_map(const Scale& scale);         // S2: M items/s
Figures measure_pool_round_trip(const Scale& scale);  // S3: us
Figures measure_pool_round_trip_pinned(const Scale& scale);
Figures measure_pool_asleep_two_cpus(const Scale& scale);  // S4: us
Figures measure_pool_asleep_one_cpu(const Scale& scale);
Figures measure_pool_asleep(const Scale& scale);
Figures measure_pool_large_argument(const Scale& scale);  // S7: GB/s

/// S8: us of an empty task, and how many more one takes with an array of 4 KiB, 1 MiB, 64 MiB, 1
/// GiB.
Figures measure_pool_arrays(const Scale& scale);
Figures measure_pool_fresh_arrays(const Scale& scale);  // us of a task with an array of its own
Figures measure_pool_array_sums(const Scale& scale);  // ms: the first sum of 64 MiB, and the tenth

}  // namespace bench
