// SPDX-License-Identifier: Apache-2.0
// What ring_test.cpp does, ten times as often, and what takes too long for every day.

#include <gtest/gtest.h>

#include "model/ring_plans.hpp"
#include "model/ring_scenario.hpp"

namespace shoal::model {
namespace {

TEST(ModelRingNight, HoldsInRandomExecutions) {
  RingScenario scenario(kShortOnes);
  expect_no_failure(scenario, "short ones", {.executions = 3'000'000, .seed = 2, .deaths = 3});
}

TEST(ModelRingNight, HoldsInRandomExecutionsOfManyRounds) {
  RingScenario scenario(kManyRounds);
  expect_no_failure(scenario, "many rounds", {.executions = 1'000'000, .seed = 2, .deaths = 3});
}

TEST(ModelRingNight, HoldsInRandomExecutionsOfLongMessages) {
  RingScenario scenario(kLongOnes);
  expect_no_failure(scenario, "long ones", {.executions = 3'000'000, .seed = 2, .deaths = 3});
}

TEST(ModelRingNight, HoldsInRandomExecutionsThatClose) {
  RingScenario scenario(kClosed);
  expect_no_failure(scenario, "closed", {.executions = 2'000'000, .seed = 2, .deaths = 2});
}

TEST(ModelRingNight, SaysWhatWasTrueInRandomExecutions) {
  RingScenario scenario(kExact);
  expect_no_failure(scenario, "exact",
                    {.executions = 2'000'000, .seed = 2, .deaths = 2, .is_strong = true});
}

TEST(ModelRingNight, HoldsInEveryExecutionOfOneProducerAndOneConsumer) {
  RingScenario scenario({.producers = 1,
                         .consumers = 1,
                         .messages = 1,
                         .size = {.cells = 2, .limit = 1, .chunks = 2},
                         .looks = 1});
  expect_no_failure(scenario, "one of each", Exhaustive::Bounds{.preemptions = 2, .surprises = 1});
}

}  // namespace
}  // namespace shoal::model
