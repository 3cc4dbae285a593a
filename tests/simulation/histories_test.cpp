// SPDX-License-Identifier: Apache-2.0
// The dispatcher and supervisor that the pool ships, in as many histories as there are seeds.
//   SHOAL_SIMULATION_SEED=<n>    runs that history alone, and writes down all that happens
//   SHOAL_SIMULATION_COUNT=<n>   runs so many histories in each case
#include "simulation/histories.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace shoal::pool::simulation {
namespace {

class HistoriesTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(HistoriesTest, NoRuleIsBroken) {
  if (const auto seed = number_in("SHOAL_SIMULATION_SEED")) {
    const Finding finding = replay(*seed);
    EXPECT_TRUE(finding.rule.empty());
    std::cout << finding;
    return;
  }
  const std::uint64_t count = number_in("SHOAL_SIMULATION_COUNT").value_or(25'000);
  Tally tally;
  const auto finding = run_histories(GetParam() * count, count, tally);
  if (finding) FAIL() << *finding;
  std::cout << tally;
}

INSTANTIATE_TEST_SUITE_P(Quarter, HistoriesTest, testing::Range<std::uint64_t>(0, 4));

// A simulation in which nothing happens finds nothing.
TEST(HistoriesTallyTest, EverythingHappens) {
  constexpr std::uint64_t kHistories = 5'000;
  Tally tally;
  ASSERT_FALSE(run_histories(0, kHistories, tally));
  for (const std::uint64_t count :
       {tally.prefetched, tally.revocations, tally.stalls, tally.requeued, tally.lost,
        tally.cancelled, tally.broken, tally.starts, tally.stops, tally.lies, tally.parts,
        tally.dropped}) {
    EXPECT_GT(count, 100U) << tally;
  }
}

TEST(HistoriesTallyTest, ASeedIsAHistory) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(replay(seed).trace, replay(seed).trace) << seed;
  }
}

}  // namespace
}  // namespace shoal::pool::simulation
