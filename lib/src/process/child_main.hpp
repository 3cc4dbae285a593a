// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "os/fd.hpp"

namespace shoal::process {

/// What a child's memory is.
enum class Birth {
  fresh,  ///< the program's own: executed, or forked from a server that was
  copy,   ///< a copy of some host's, whose unwritten output is not the child's to write
};

/// Lives the life of a child: waits for the boot message on `control`, becomes what it says, runs
/// its entry, and ends the process in an orderly way. If the parent died before it sent the
/// message, the process ends silently.
[[noreturn]] void run_child(os::Fd control, Birth birth) noexcept;

/// Writes "Process <name> (pid N): uncaught <type>: <what>" and the nested exceptions to stderr.
void report_uncaught() noexcept;

}  // namespace shoal::process
