// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

/// What run_lock_step() can run.
std::vector<std::string> lock_step_paths();

/// Runs `count` no-op tasks, or messages of 64 bytes, along `path`, one after the other: one thread
/// is both sides in turn. No other process, no lock, no system call, no polling, so that the number
/// of instructions is the same each time. instructions.cpp knows this function by its name.
/// @throws std::runtime_error  there is no such path, or a task went wrong
void run_lock_step(const std::string& path, std::size_t count);

}  // namespace bench
