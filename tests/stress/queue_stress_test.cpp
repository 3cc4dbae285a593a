// SPDX-License-Identifier: Apache-2.0
#include "stress/queue_stress.hpp"

namespace shoal::test {
namespace {

TEST_P(QueueStress, DeathsLeaveItWhole) { run(60); }

SHOAL_FOR_EACH_START_METHOD(QueueStress);

}  // namespace
}  // namespace shoal::test
