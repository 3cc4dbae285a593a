// SPDX-License-Identifier: Apache-2.0
#include "sync/condition.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <thread>

#include "sync/hardware.hpp"

namespace shoal::sync {
namespace {

using namespace std::chrono_literals;
using TestCondition = Condition<Hardware, 6>;

constexpr ParticipantId kAnna = 1, kBert = kLastParticipant;

TEST(ConditionWordsTest, TheOldestAreNotified) {
  TestCondition condition;
  std::array<TestCondition::Place, 4> places{};
  for (auto& place : places) place = *condition.enter(kAnna);
  EXPECT_FALSE(condition.leave(places[0]));
  const TestCondition::Place last = *condition.enter(kAnna);  // in the slot of the first
  EXPECT_EQ(condition.notify(2), 2U);
  EXPECT_TRUE(condition.is_notified(places[1]));
  EXPECT_TRUE(condition.is_notified(places[2]));
  EXPECT_FALSE(condition.is_notified(places[3]));
  EXPECT_FALSE(condition.is_notified(last));
  EXPECT_EQ(condition.notify(3), 2U);
  EXPECT_EQ(condition.notify(3), 0U);
  EXPECT_TRUE(condition.leave(last));
}

TEST(ConditionWordsTest, ANotificationIsForThoseWhoWaitNow) {
  TestCondition condition;
  EXPECT_EQ(condition.notify(1), 0U);
  condition.notify_all();
  const TestCondition::Place place = *condition.enter(kAnna);
  EXPECT_FALSE(condition.is_notified(place));
  condition.notify_all();
  EXPECT_TRUE(condition.leave(place));
}

TEST(ConditionWordsTest, NoMoreMayWaitThanThereAreSlots) {
  TestCondition condition;
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(condition.enter(kAnna).has_value());
  EXPECT_FALSE(condition.enter(kAnna).has_value());
  condition.recover(kAnna);
  EXPECT_TRUE(condition.enter(kBert).has_value());
}

TEST(ConditionWordsTest, WhatWasSaidToADeadOneIsSaidToAnother) {
  TestCondition condition;
  (void)condition.enter(kAnna);
  (void)condition.enter(kAnna);
  const TestCondition::Place survivor = *condition.enter(kBert);
  EXPECT_EQ(condition.notify(1), 1U);
  condition.recover(kAnna);
  EXPECT_TRUE(condition.is_notified(survivor));
  condition.recover(kAnna);
  EXPECT_TRUE(condition.leave(survivor));
  EXPECT_EQ(condition.notify(1), 0U);
}

TEST(ConditionWordsTest, WhoDiedUnnotifiedLeavesNothing) {
  TestCondition condition;
  (void)condition.enter(kAnna);
  const TestCondition::Place survivor = *condition.enter(kBert);
  condition.recover(kAnna);
  EXPECT_FALSE(condition.is_notified(survivor));
  EXPECT_EQ(condition.notify(2), 1U);
}

TEST(ConditionWordsTest, ASleeperIsWokenByItsOwnBell) {
  const auto condition = std::make_unique<Condition<Hardware>>();
  for (int i = 0; i < 1'000; ++i) {
    const auto place = *condition->enter(kAnna);
    std::thread sleeper([&] {
      while (!condition->is_notified(place)) condition->sleep(place, base::Deadline::never());
    });
    EXPECT_EQ(condition->notify(1), 1U);
    sleeper.join();
    EXPECT_TRUE(condition->leave(place));
  }
}

}  // namespace
}  // namespace shoal::sync
