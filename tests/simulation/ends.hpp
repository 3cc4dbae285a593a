// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shoal/error.hpp"
#include "simulation/story.hpp"

namespace shoal::pool::simulation {

/// What the world's tasks raise, to be told apart from what the dispatcher makes up.
struct Raised {
  Verdict why;
};

/// Why the failed task failed, by what it raises.
inline Verdict reason_of(const Task& task) {
  try {
    task.raise();
  } catch (const Raised& raised) {
    return raised.why;
  } catch (const BrokenPoolError&) {
    return Verdict::broken;
  }
  return Verdict::open;
}

}  // namespace shoal::pool::simulation
