// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "os/limits.hpp"
#include "shoal/limits.hpp"
#include "shoal/sandbox.hpp"

namespace shoal::process {

/// What a child may use and what it is kept from; travels to it by the codec. In what follows,
/// `options` is the struct that errors name: "PoolOptions".
struct Confinement {
  Limits limits = {};
  Sandbox sandbox = Sandbox::none;
};

/// @throws std::invalid_argument  a value that makes no sense
void check_confinement(const Confinement& confinement, const std::string& options);

/// @throws StartError  this system cannot confine a child so; for `attempt`, before it is started
void require_confinement(const Confinement& confinement, const std::string& options,
                         const std::string& attempt);

/// Bounds the calling process by all limits but that of CPU time.
/// @throws ResourceError
void apply_limits(const Limits& limits, const std::string& options);

/// Bounds the CPU time of the calling process' whole life. @throws ResourceError
void apply_cpu_time(const Limits& limits, const std::string& options);

/// Shuts the calling process in, for good. @throws ResourceError
void apply_sandbox(Sandbox sandbox, const std::string& options);

/// The limits as bounds of a program to be executed, whose private memory begins at nothing.
std::vector<os::Bound> program_bounds(const Limits& limits);

}  // namespace shoal::process
