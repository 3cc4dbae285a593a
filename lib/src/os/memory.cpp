// SPDX-License-Identifier: Apache-2.0
#include "os/memory.hpp"

#include <sys/mman.h>

namespace shoal::os {

void keep_from_children(void* address, std::size_t bytes) noexcept {
  ::madvise(address, bytes, MADV_DONTFORK);
}

}  // namespace shoal::os
