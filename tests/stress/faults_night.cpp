// SPDX-License-Identifier: Apache-2.0
// What faults_stress.cpp does, ten and a hundred times as often.
#include "stress/faults.hpp"

namespace shoal::test {
namespace {

class FaultNight : public testing::TestWithParam<StartMethod> {};

TEST_P(FaultNight, NoWorkerOutlivesAParentThatIsKilledWhileTheyIdle) {
  kill_parents(GetParam(), "idle", 1000);
}
TEST_P(FaultNight, NoWorkerOutlivesAParentThatIsKilledWhileTheyCompute) {
  kill_parents(GetParam(), "busy", 1000);
}
TEST_P(FaultNight, NoWorkerOutlivesAParentThatIsKilledWhileTheyStandStill) {
  kill_parents(GetParam(), "stopped", 1000);
}
TEST_P(FaultNight, LivesOfPoolsLeaveNothingBehind) { repeat_lives(GetParam(), 10'000); }
TEST_P(FaultNight, WorkersMayDieWhileTheirPoolStartsGrowsAndEnds) {
  kill_while_starting_and_stopping(GetParam(), 2000);
}
TEST_P(FaultNight, AllWorkersMayDieAtOnce) { kill_all_at_once(GetParam(), 1000); }

SHOAL_FOR_EACH_START_METHOD(FaultNight);

}  // namespace
}  // namespace shoal::test
