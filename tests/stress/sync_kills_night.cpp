// SPDX-License-Identifier: Apache-2.0
#include "conformance/start_methods.hpp"
#include "stress/sync_kills.hpp"

namespace shoal::test {
namespace {

class SyncKillNight : public testing::TestWithParam<StartMethod> {};

TEST_P(SyncKillNight, NobodyWaitsForTheDead) {
  kill_and_stop(GetParam(), std::chrono::seconds(60));
}

SHOAL_FOR_EACH_START_METHOD(SyncKillNight);

}  // namespace
}  // namespace shoal::test
