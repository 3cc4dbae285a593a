// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Describes where the figures come from, as names and texts: processor, kernel, compiler, commit.
std::vector<std::pair<std::string, std::string>> describe_machine();

}  // namespace bench
