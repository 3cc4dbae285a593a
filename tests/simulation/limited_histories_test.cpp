// SPDX-License-Identifier: Apache-2.0
// Histories with limits: time-outs, retries, priorities and what else options ask for.
//   SHOAL_SIMULATION_SEED=<n>    runs that history alone, and writes down all that happens
//   SHOAL_SIMULATION_COUNT=<n>   runs so many
#include <gtest/gtest.h>

#include <iostream>

#include "simulation/histories.hpp"

namespace shoal::pool::simulation {
namespace {

TEST(LimitedHistoriesTest, NoRuleIsBroken) {
  if (const auto seed = number_in("SHOAL_SIMULATION_SEED")) {
    const Finding finding = replay_limited(*seed);
    EXPECT_TRUE(finding.rule.empty());
    std::cout << finding;
    return;
  }
  Tally tally;
  const std::uint64_t count = number_in("SHOAL_SIMULATION_COUNT").value_or(40'000);
  const auto finding = run_limited_histories(0, count, tally);
  if (finding) FAIL() << *finding;
  std::cout << tally;
}

TEST(LimitedHistoriesTest, EverythingHappens) {
  Tally tally;
  ASSERT_FALSE(run_limited_histories(0, 4'000, tally));
  for (const std::uint64_t count :
       {tally.revocations, tally.requeued, tally.lost, tally.cancelled, tally.broken, tally.starts,
        tally.deaths, tally.retried, tally.timed_out, tally.expired}) {
    EXPECT_GT(count, 50U) << tally;
  }
}

}  // namespace
}  // namespace shoal::pool::simulation
