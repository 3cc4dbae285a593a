// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

namespace shoal::process {

/// Says "<type>: <what>", and a line "  caused by <type>: <what>" for each exception nested in it.
std::string describe_uncaught(const std::exception_ptr& error);

}  // namespace shoal::process
