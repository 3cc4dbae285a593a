// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "os/error.hpp"

namespace shoal::os {

/// Gives up, for good, gaining privileges by executing programs: what an unprivileged process owes
/// the kernel before it may shut itself in.
Result<void> give_up_privileges() noexcept;

/// True if the kernel lets this process filter its own system calls.
bool has_seccomp() noexcept;

/// Has the calls of refused_calls.hpp fail with EPERM from now on, in every thread of this process
/// and in what it forks; it must have given up gaining privileges. Signals can be sent to this very
/// process only; clone(2) makes threads and processes, but no namespaces; clone3(2), whose flags no
/// filter can read, and calls newer than the list fail with ENOSYS, for which glibc has other ways.
Result<void> refuse_calls() noexcept;

}  // namespace shoal::os
