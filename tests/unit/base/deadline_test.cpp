// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.hpp"

#include <gtest/gtest.h>

namespace shoal::base {
namespace {

using namespace std::chrono_literals;

TEST(DeadlineTest, ForeverAndWhatIsTooFarNeverPasses) {
  EXPECT_TRUE(Deadline::in(forever).is_never());
  EXPECT_TRUE(Deadline::in(Duration::max() - 1ns).is_never());
  EXPECT_FALSE(Deadline::never().is_past());
  EXPECT_EQ(Deadline::never().left(), forever);
  EXPECT_EQ(Deadline::never().left_milliseconds(), -1);
}

TEST(DeadlineTest, ZeroAndNegativeAreAlreadyPast) {
  EXPECT_TRUE(Deadline::in(0ns).is_past());
  EXPECT_TRUE(Deadline::in(-5h).is_past());
  EXPECT_EQ(Deadline::in(-5h).left(), 0ns);
  EXPECT_EQ(Deadline::in(0ns).left_milliseconds(), 0);
}

TEST(DeadlineTest, MillisecondsAreRoundedUpSoThatNobodyWakesTooEarly) {
  EXPECT_GE(Deadline::in(1h + 1ns).left_milliseconds(), 3'599'000);
  EXPECT_EQ(Deadline::in(300h).left_milliseconds(), 1'000'000'000);
}

TEST(DeadlineTest, EarlierComesFirst) {
  EXPECT_LT(Deadline::in(1h), Deadline::in(2h));
  EXPECT_LT(Deadline::in(2h), Deadline::never());
}

}  // namespace
}  // namespace shoal::base
