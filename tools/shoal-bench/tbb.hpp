// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

// oneTBB, threads of this process: the nearest thing to a pool that Debian packages for C++.
Figures measure_tbb_throughput(const Scale& scale);  // S1: M tasks/s, enqueue + promise + future
Figures measure_tbb_map(const Scale& scale);         // S2: M items/s, parallel_for
Figures measure_tbb_round_trip(const Scale& scale);  // S3: us

}  // namespace bench
