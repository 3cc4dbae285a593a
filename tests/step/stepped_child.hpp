// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <limits>

namespace shoal::test {

inline constexpr int kToTheEnd = std::numeric_limits<int>::max();

/// True where this process may trace its children, instruction by instruction.
bool can_step();

/// Forks a child that runs `act`, lets it execute `instructions` of its instructions one by one,
/// and kills it there. Returns how many it executed: fewer if `act` came to its end before.
int step_and_kill(const std::function<void()>& act, int instructions);

}  // namespace shoal::test
