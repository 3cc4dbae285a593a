// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "os/cpu_timer.hpp"
#include "os/sentinel.hpp"
#include "process/confinement.hpp"

namespace shoal::pool {

/// Bounds the calling worker and shuts it in; from here on its tasks have what is left.
/// @throws ResourceError
void confine_worker(const process::Confinement& confinement);

/// What ends the worker when a task has used its CPU time; none if that has no limit.
/// @throws ResourceError
std::optional<os::CpuTimer> make_cpu_timer(const Limits& limits);

/// What an error adds about a worker that ended so: which limit its task went beyond, if it did.
std::string explain_limit(const Limits& limits, const std::optional<os::ExitStatus>& status);

}  // namespace shoal::pool
