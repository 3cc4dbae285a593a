// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "measurement.hpp"

namespace bench {

/// Counts, prints and gives the instructions of one task on each path of lock_step.hpp. They do not
/// depend on the machine's speed or load: what the regression gate looks at.
/// @throws std::runtime_error  valgrind is missing
nlohmann::ordered_json count_instructions(const Scale& scale);

}  // namespace bench
