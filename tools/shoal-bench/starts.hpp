// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

// S9: from the call until the child runs its first line, in milliseconds; with a small parent, and
// with one that has 1 GiB of its own in pages of 4 KiB.

// The limits: fork(), posix_spawn() of this very program, and a fork server of 40 lines. The first
// also gives what the goal allows for `fork`: twice that, and two thread wakes.
Figures measure_raw_fork(const Scale& scale);
Figures measure_raw_fork_large(const Scale& scale);
Figures measure_raw_spawn(const Scale& scale);
Figures measure_raw_fork_server(const Scale& scale);

Figures measure_process_fork(const Scale& scale);
Figures measure_process_fork_large(const Scale& scale);
Figures measure_process_spawn(const Scale& scale);
Figures measure_process_spawn_large(const Scale& scale);
Figures measure_process_forkserver(const Scale& scale);
Figures measure_process_forkserver_large(const Scale& scale);

/// The program that measure_raw_spawn() spawns: tells the time on standard output.
void print_stamp();

}  // namespace bench
