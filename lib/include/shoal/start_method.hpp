// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace shoal {

/// How a child process comes into being.
enum class StartMethod {
  fork,        ///< a copy of the caller; refused while the caller runs threads of its own
  spawn,       ///< the same program, executed afresh
  forkserver,  ///< forked from a clean single-threaded copy of the program; the default
};

/// Lists what this system offers: fork, spawn, forkserver.
/// Source: Python multiprocessing.get_all_start_methods.
std::vector<StartMethod> get_all_start_methods();

/// Sets the method that is used where none is named; children start out with their parent's.
/// @throws std::logic_error       it was set before and `force` is false
/// @throws std::invalid_argument  `method` is no StartMethod
/// Safe from many threads. Source: Python multiprocessing.set_start_method.
void set_start_method(StartMethod method, bool force = false);

/// Gives the method that is used where none is named.
/// Safe from many threads. Source: Python multiprocessing.get_start_method.
StartMethod get_start_method();

/// Has `fn` run once in the fork server, before that forks anybody: what it loads is there in every
/// child of StartMethod::forkserver, shared with the others until it is written to. A fork server
/// that takes a dead one's place runs it again; nullptr: nothing is run.
///
/// It travels as a reference, like a task. Memory is all that a child has of it: the descriptors it
/// opens are not passed on, and a thread that it leaves running is an error. The first child's
/// start waits for it, and each start throws StartError where it throws (naming the exception),
/// exits, crashes or leaves threads; the next one tries again.
/// Of this process alone: its children have fork servers of their own.
/// @throws std::logic_error  the fork server runs already: `fn` would come too late for it
/// Safe from many threads. Source: Python multiprocessing.set_forkserver_preload, which ignores a
/// function that fails or comes too late.
void set_forkserver_preload(void (*fn)());

/// Counts the CPUs this process may use: the affinity mask and the cgroup's quota, rounded up; at
/// least 1. Safe from many threads. Source: Python os.process_cpu_count.
unsigned cpu_count();

}  // namespace shoal
