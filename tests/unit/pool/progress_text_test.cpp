// SPDX-License-Identifier: Apache-2.0
#include "pool/progress_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

TEST(ProgressTextTest, ALineTellsCountRateAndTime) {
  EXPECT_EQ(progress_line({.label = "rows", .done = 420, .total = 1000, .elapsed = 10s}),
            "rows: 420/1000 (42%), 42.0/s, 0:10, 0:13 left");
  EXPECT_EQ(progress_line({.done = 1000, .total = 1000, .elapsed = 2s}),
            "1000/1000 (100%), 500/s, 0:02");
}

TEST(ProgressTextTest, WhatNobodyKnowsIsNotTold) {
  EXPECT_EQ(progress_line({.label = "rows", .done = 0, .total = 10, .elapsed = 3s}),
            "rows: 0/10 (0%), 0:03");
  EXPECT_EQ(progress_line({.done = 5, .total = 10, .elapsed = 5s, .has_ended = true}),
            "5/10 (50%), 1.0/s, 0:05");
}

TEST(ProgressTextTest, OfAnUnknownTotalThereIsNeitherPartNorBar) {
  const ProgressLook look{
      .label = "rows", .done = 420, .total = ProgressLook::kUnknown, .elapsed = 10s};
  EXPECT_EQ(progress_line(look), "rows: 420, 42.0/s, 0:10");
  EXPECT_EQ(progress_bar(look, 80), "rows: 420, 42.0/s, 0:10");
  EXPECT_EQ(progress_bar(look, 10), "rows: 420");
}

TEST(ProgressTextTest, SlowAndLongThingsAreTold) {
  EXPECT_EQ(progress_line({.done = 1, .total = 10, .elapsed = 1000s}),
            "1/10 (10%), 0.001/s, 16:40, 2:30:00 left");
}

TEST(ProgressTextTest, MoreThanAllIsAll) {
  EXPECT_EQ(progress_line({.done = 12, .total = 10, .elapsed = 1s}), "12/10 (100%), 12.0/s, 0:01");
}

TEST(ProgressTextTest, ABarFillsTheLineButForTheLastColumn) {
  const ProgressLook look{.label = "rows", .done = 500, .total = 1000, .elapsed = 5s};
  EXPECT_EQ(progress_bar(look, 60), "rows:  50% [######-------] 500/1000, 100/s, 0:05, 0:05 left");
  for (unsigned width = 52; width < 200; ++width) {
    EXPECT_EQ(progress_bar(look, width).size(), width - 1) << width;
  }
}

TEST(ProgressTextTest, ATerminalThatIsTooNarrowGetsNoBarAndNeverWraps) {
  const ProgressLook look{.label = "räume", .done = 500, .total = 1000, .elapsed = 5s};
  EXPECT_EQ(progress_bar(look, 30), "räume:  50% 500/1000, 100/s, ");
  EXPECT_EQ(progress_bar(look, 3), "rä");
  EXPECT_EQ(progress_bar(look, 1), "");
  EXPECT_EQ(progress_bar(look, 0), "");
}

TEST(ProgressTextTest, ABarIsFullAtTheEndAndNotBefore) {
  const auto count = [](std::size_t done) {
    const std::string bar = progress_bar({.done = done, .total = 1000, .elapsed = 1s}, 80);
    return std::ranges::count(bar, '-');
  };
  EXPECT_EQ(count(1000), 0);
  EXPECT_GT(count(999), 0);
}

TEST(ProgressTextTest, ALabelCannotCommandTheTerminal) {
  EXPECT_EQ(printable("a\nb\x1b[2Jc\x7f ü"), "a b [2Jc  ü");
}

TEST(LinePolicyTest, EachFurtherTenthGetsALineAtMostOneASecond) {
  LinePolicy policy;
  ProgressLook look{.done = 50, .total = 100, .elapsed = 500ms};
  EXPECT_FALSE(policy.is_due(look));
  look.elapsed = 1s;
  EXPECT_TRUE(policy.is_due(look));
  look.elapsed = 3s;
  EXPECT_FALSE(policy.is_due(look));  // nothing new
  look.done = 59;
  EXPECT_FALSE(policy.is_due(look));  // no further tenth
  look.done = 60;
  EXPECT_TRUE(policy.is_due(look));
  look.done = 90;
  EXPECT_FALSE(policy.is_due(look));  // within the same second
}

TEST(LinePolicyTest, SlowThingsGetALineEveryTenSeconds) {
  LinePolicy policy;
  EXPECT_FALSE(policy.is_due({.done = 1, .total = 1000, .elapsed = 9s}));
  EXPECT_TRUE(policy.is_due({.done = 1, .total = 1000, .elapsed = 10s}));
  EXPECT_FALSE(policy.is_due({.done = 1, .total = 1000, .elapsed = 60s}));
  EXPECT_TRUE(policy.is_due({.done = 2, .total = 1000, .elapsed = 61s}));
}

TEST(LinePolicyTest, OfAnUnknownTotalThereIsALineEveryTenSeconds) {
  LinePolicy policy;
  EXPECT_FALSE(policy.is_due({.done = 99, .total = ProgressLook::kUnknown, .elapsed = 9s}));
  EXPECT_TRUE(policy.is_due({.done = 99, .total = ProgressLook::kUnknown, .elapsed = 10s}));
}

TEST(LinePolicyTest, TheEndIsToldOnce) {
  LinePolicy policy;
  EXPECT_TRUE(policy.is_due_at_end({.done = 0, .total = 10}));
  EXPECT_TRUE(policy.is_due({.done = 10, .total = 10, .elapsed = 2s}));
  EXPECT_FALSE(policy.is_due_at_end({.done = 10, .total = 10}));
  EXPECT_TRUE(policy.is_due_at_end({.done = 11, .total = 10}));
}

}  // namespace
}  // namespace shoal::pool
