// SPDX-License-Identifier: Apache-2.0
// As much of each fault as every change can afford; faults_night.cpp has more.
#include "stress/faults.hpp"

namespace shoal::test {
namespace {

class FaultStress : public testing::TestWithParam<StartMethod> {};

TEST_P(FaultStress, NoWorkerOutlivesAParentThatIsKilledWhileTheyIdle) {
  kill_parents(GetParam(), "idle", 8);
}
TEST_P(FaultStress, NoWorkerOutlivesAParentThatIsKilledWhileTheyCompute) {
  kill_parents(GetParam(), "busy", 8);
}
TEST_P(FaultStress, NoWorkerOutlivesAParentThatIsKilledWhileTheyStandStill) {
  kill_parents(GetParam(), "stopped", 8);
}
TEST_P(FaultStress, LivesOfPoolsLeaveNothingBehind) { repeat_lives(GetParam(), 1000); }
TEST_P(FaultStress, WorkersMayDieWhileTheirPoolStartsGrowsAndEnds) {
  kill_while_starting_and_stopping(GetParam(), 100);
}
TEST_P(FaultStress, AllWorkersMayDieAtOnce) { kill_all_at_once(GetParam(), 100); }

SHOAL_FOR_EACH_START_METHOD(FaultStress);

}  // namespace
}  // namespace shoal::test
