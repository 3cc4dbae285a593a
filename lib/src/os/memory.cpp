// SPDX-License-Identifier: Apache-2.0
#include "os/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>

namespace shoal::os {

void keep_from_children(void* address, std::size_t bytes) noexcept {
  ::madvise(address, bytes, MADV_DONTFORK);
}

void keep_freed_memory() noexcept {
  constexpr int kGibibyte = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kGibibyte);
  ::mallopt(M_TRIM_THRESHOLD, kGibibyte);
}

void return_freed_memory() noexcept { ::malloc_trim(0); }

}  // namespace shoal::os
