// SPDX-License-Identifier: Apache-2.0
// The histories of histories_test.cpp, more of them; a seed that fails is replayed there.
#include <gtest/gtest.h>

#include <iostream>

#include "simulation/histories.hpp"

namespace shoal::pool::simulation {
namespace {

class MillionHistoriesTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(MillionHistoriesTest, NoRuleIsBroken) {
  constexpr std::uint64_t kCount = 250'000;
  Tally tally;
  const auto finding = run_histories(GetParam() * kCount, kCount, tally);
  if (finding) FAIL() << *finding;
  std::cout << tally;
}

INSTANTIATE_TEST_SUITE_P(Quarter, MillionHistoriesTest, testing::Range<std::uint64_t>(0, 4));

}  // namespace
}  // namespace shoal::pool::simulation
