// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

// What it costs to hand data to another process and to hear that it is there: of 64 bytes, 64 KiB
// and 64 MiB. The other process is awake, on a CPU of its own; the data are read there. All in
// microseconds.
Figures measure_task_way(const Scale& scale);        // a task's argument
Figures measure_connection_way(const Scale& scale);  // a message of a pipe
Figures measure_queue_way(
    const Scale& scale);  // a Queue: 64 bytes, 64 KiB, and 32 MiB, which fit its memory
Figures measure_array_way(
    const Scale& scale);  // a SharedArray that was filled before: its handle, as an argument

/// What one operation on shared memory costs that nobody else uses: Value get, set, with; an
/// element of an Array under its lock, of a RawArray; Atomic fetch_add. In nanoseconds.
Figures measure_shared_values(const Scale& scale);

}  // namespace bench
