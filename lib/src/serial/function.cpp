// SPDX-License-Identifier: Apache-2.0
#include "shoal/function.hpp"

#include <stdexcept>

namespace shoal::internal {

std::atomic<const char*> called_type{nullptr};

void fail_null_function() {
  throw std::invalid_argument("a null function pointer cannot be called in another process");
}

}  // namespace shoal::internal
