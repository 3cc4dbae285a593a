// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

// S10: kill -9 of a worker: until its pidfd is readable (the limit) · until the future has failed,
// and until the replacement has served a task; milliseconds.
Figures measure_raw_death(const Scale& scale);
Figures measure_pool_death(const Scale& scale);

// S11: how fast two raw forked processes · two workers get through the same work; rows/s.
Figures measure_cpu_bound(const Scale& scale);

// S12: an idle pool over 5 s: CPU time in ms, context switches · private memory of a worker in kB.
Figures measure_pool_idle(const Scale& scale);

// S14: growth of the parent by 10^6 queued tasks, bytes each · tasks/s with 2 and 256 workers.
Figures measure_pool_queued(const Scale& scale);
Figures measure_pool_crowd(const Scale& scale);
// No-op throughput while the host's own threads occupy all CPUs, with the default spin and none.
Figures measure_pool_beside_busy_threads(const Scale& scale);

}  // namespace bench
