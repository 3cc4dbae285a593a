// SPDX-License-Identifier: Apache-2.0
#include "pool/mailbox_layout.hpp"

#include <cstring>

#include "sync/hardware.hpp"

namespace shoal::pool {

static_assert(sizeof(Submissions<sync::Hardware>) == kSubmissionsBytes);
static_assert(sizeof(Completions<sync::Hardware>) == kCompletionsBytes);
static_assert(sizeof(Gate<sync::Hardware>) <= kGateBytes);

// Not inline, and followed by a barrier, so that no compiler reads the source a second time.
[[gnu::noinline]] void copy_shared(void* to, const void* from, std::size_t bytes) noexcept {
  std::memcpy(to, from, bytes);
  asm volatile("" ::: "memory");
}

}  // namespace shoal::pool
