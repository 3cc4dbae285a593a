// SPDX-License-Identifier: Apache-2.0
#include "stress/sync_kills.hpp"

#include "conformance/start_methods.hpp"

namespace shoal::test {
namespace {

class SyncKillStress : public testing::TestWithParam<StartMethod> {};

TEST_P(SyncKillStress, NobodyWaitsForTheDead) {
  kill_and_stop(GetParam(), std::chrono::seconds(5));
}

SHOAL_FOR_EACH_START_METHOD(SyncKillStress);

}  // namespace
}  // namespace shoal::test
