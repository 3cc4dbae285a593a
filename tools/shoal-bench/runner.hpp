// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.hpp"

namespace bench {

/// Runs one measurement in a process of its own and gives its figures.
/// @throws std::runtime_error  it failed, gave no figures, or hung
Figures run_apart(const Measurement& measurement, const Scale& scale);

/// Runs a program, whose path is looked for as execvp(3) does, and gives what it printed. It and
/// all its children are gone afterwards.
/// @throws std::runtime_error  it ended with another status than 0, or hung
std::string output_of(const std::vector<std::string>& command);

/// The path of this program.
std::string own_path();

/// What a process of run_apart() does: measures and prints the figures.
/// @throws std::runtime_error  there is no such measurement
void measure_here(const std::string& name, const Scale& scale);

}  // namespace bench
