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

}  // namespace bench
