// SPDX-License-Identifier: Apache-2.0
#include "conformance/start_methods.hpp"
#include "stress/kill_stress.hpp"

namespace shoal::test {
namespace {

TEST_P(KillStress, EveryTaskOfAMillionGivesItsValueOrIsLostWithItsWorker) { run({1'000'000, 10'000}); }

SHOAL_FOR_EACH_START_METHOD(KillStress);

}  // namespace
}  // namespace shoal::test
