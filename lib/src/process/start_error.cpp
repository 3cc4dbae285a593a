// SPDX-License-Identifier: Apache-2.0
#include "process/start_error.hpp"

#include <system_error>

#include "shoal/error.hpp"

namespace shoal::process {

void throw_start_error(const base::Failure& failure, const std::string& attempt) {
  throw StartError(std::error_code(failure.error, std::generic_category()),
                   attempt + ": " + failure.to_string());
}

}  // namespace shoal::process
