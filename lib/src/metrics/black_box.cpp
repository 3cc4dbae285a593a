// SPDX-License-Identifier: Apache-2.0
#include "metrics/black_box_layout.hpp"
#include "sync/hardware.hpp"

namespace shoal::metrics {

static_assert(sizeof(BlackBox<sync::Hardware>) == kBlackBoxBytes);
static_assert(offsetof(BlackBox<sync::Hardware>, log) == 0x4000);

}  // namespace shoal::metrics
