// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "conformance/start_methods.hpp"

namespace shoal::test {

/// Kills so many parents with SIGKILL while their workers are in `state` ("idle", "busy" or
/// "stopped"), and waits for the end of everybody they started; survivors are the watchdog's
/// business. Prints how long the last one took.
void kill_parents(StartMethod method, const std::string& state, int parents);

/// So many times: makes a pool, uses it, kills its workers, destroys it. Fails the test if
/// descriptors, threads, children, zombies, mappings or shared names grow.
void repeat_lives(StartMethod method, int lives);

/// So many times: makes a pool and resizes, uses and ends it, while its workers are killed at any
/// moment. Fails the test if a task has neither its value nor an error of the pool's, or has a
/// wrong one.
void kill_while_starting_and_stopping(StartMethod method, int rounds);

/// So many times: kills all four workers of a pool at once, with tasks behind them. Fails the test
/// unless each task has its value, or is lost where it had begun.
void kill_all_at_once(StartMethod method, int rounds);

}  // namespace shoal::test
