// SPDX-License-Identifier: Apache-2.0
#include "os/random.hpp"

#include <sys/random.h>

namespace shoal::os {

Result<void> fill_random(std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::getrandom(bytes.data(), bytes.size(), 0); });
    if (count < 0) return failure(errno, "getrandom", "%zu bytes", bytes.size());
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace shoal::os
