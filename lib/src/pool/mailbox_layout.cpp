// SPDX-License-Identifier: Apache-2.0
#include "pool/mailbox_layout.hpp"

#include "sync/hardware.hpp"

namespace shoal::pool {

static_assert(sizeof(Submissions<sync::Hardware>) == kSubmissionsBytes);
static_assert(sizeof(Completions<sync::Hardware>) == kCompletionsBytes);
static_assert(sizeof(Gate<sync::Hardware>) <= kGateBytes);

}  // namespace shoal::pool
