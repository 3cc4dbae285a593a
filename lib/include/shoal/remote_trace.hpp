// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

namespace shoal {

/// Gives the trace that travelled with an exception from another process: task, worker, pid, type,
/// message, and the exceptions nested in it, a line each. Empty if it was thrown here.
std::string remote_trace(const std::exception& error);

/// The same for an exception at hand as a pointer, whatever its type.
std::string remote_trace(const std::exception_ptr& error);

}  // namespace shoal
