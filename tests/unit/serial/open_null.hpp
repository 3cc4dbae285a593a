// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <memory>

#include "shoal/unique_fd.hpp"

namespace shoal::test {

/// A descriptor of its own for /dev/null.
inline std::shared_ptr<const UniqueFd> open_null() {
  return std::make_shared<const UniqueFd>(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

}  // namespace shoal::test
