// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "os/limits.hpp"

// What is legal in a child between fork() and its first own work (or exec): no allocation, no lock,
// no exception, no logger. Everything here is async-signal-safe.

namespace shoal::os::after_fork {

/// Asks the kernel to send `signal` when the thread that made this process ends, and checks that it
/// has not ended already: false means that the caller is an orphan and must _exit. `parent` is the
/// pid that made this process.
bool follow_parent(int parent, int signal) noexcept;

/// Closes every descriptor from 3 up that is not in `keep`, which must be sorted.
void close_all_but(std::span<const int> keep) noexcept;

/// Gives every signal its default action and unblocks them all.
void reset_signals() noexcept;

/// Puts /dev/null in the place of standard input.
void detach_stdin() noexcept;

/// Opens /dev/null in the place of each standard stream that is closed, so that no descriptor made
/// later takes its number.
void plug_standard_streams() noexcept;

/// Makes `target` a copy of `fd` that survives an exec; /dev/null if `fd` is -1.
void place_descriptor(int fd, int target) noexcept;

/// Throws away what the parent had written to stdout and not flushed: it is the parent's to write.
void drop_unflushed_output() noexcept;

/// Writes `text` to stderr as it is.
void log(const char* text) noexcept;

/// set_bound() and its system call's number for a resource; false leaves the reason in errno.
bool set_bound(const Bound& bound) noexcept;
int number_of(Resource resource) noexcept;

/// Gives up gaining privileges by executing programs, for good; false leaves the reason in errno.
bool give_up_privileges() noexcept;

/// Ends the process at once: no handlers, no destructors, no flushing.
[[noreturn]] void exit_now(int status) noexcept;

}  // namespace shoal::os::after_fork
