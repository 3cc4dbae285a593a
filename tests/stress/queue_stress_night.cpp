// SPDX-License-Identifier: Apache-2.0
#include "stress/queue_stress.hpp"

namespace shoal::test {
namespace {

// About a minute each.
TEST_P(QueueStress, ManyDeathsLeaveItWhole) { run(10'000); }

SHOAL_FOR_EACH_START_METHOD(QueueStress);

}  // namespace
}  // namespace shoal::test
