// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "simulation/oracle.hpp"

namespace shoal::pool::simulation {

/// A history in which a rule was broken.
struct Finding {
  std::uint64_t seed = 0;
  std::string rule;
  std::string trace;  ///< its last events
};

/// Runs the histories of `count` seeds from `first` on; the first in which a rule is broken.
std::optional<Finding> run_histories(std::uint64_t first, std::uint64_t count, Tally& tally);

/// The same, of the world with limits.
std::optional<Finding> run_limited_histories(std::uint64_t first, std::uint64_t count,
                                             Tally& tally);
Finding replay_limited(std::uint64_t seed);

/// Runs one history and writes down all that happens.
Finding replay(std::uint64_t seed);

/// The number in an environment variable, if it is set.
std::optional<std::uint64_t> number_in(const char* variable);

std::ostream& operator<<(std::ostream& out, const Tally& tally);
std::ostream& operator<<(std::ostream& out, const Finding& finding);

}  // namespace shoal::pool::simulation
