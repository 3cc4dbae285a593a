// SPDX-License-Identifier: Apache-2.0
// Linked with a dispatcher or supervisor that has a bug: passes when that is caught.
#include <gtest/gtest.h>

#include <iostream>

#include "simulation/histories.hpp"

namespace shoal::pool::simulation {
namespace {

// Named by the bug.
TEST(SeededBugTest, SHOAL_SEEDED_BUG) {
  constexpr std::uint64_t kHistories = 100'000;
  Tally tally;
  const auto finding = SHOAL_SEEDED_SET(0, kHistories, tally);
  ASSERT_TRUE(finding) << "not caught in " << tally;
  std::cout << "caught at seed " << finding->seed << ": " << finding->rule << '\n';
}

}  // namespace
}  // namespace shoal::pool::simulation
