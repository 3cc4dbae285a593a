// SPDX-License-Identifier: Apache-2.0
// Processes put and get messages through a ring of chunks; some of them die, and are recovered
// while the others go on.

#include <gtest/gtest.h>

#include <string>

#include "model/ring_plans.hpp"
#include "model/ring_scenario.hpp"

namespace shoal::model {
namespace {

constexpr channel::RingSize kTiny{.cells = 2, .limit = 1, .chunks = 3};
TEST(ModelRingTest, HoldsInEveryExecutionOfOneProducerAndOneConsumer) {
  RingScenario scenario({.producers = 1, .consumers = 1, .size = kTiny, .looks = 1});
  expect_no_failure(scenario, "one of each", Exhaustive::Bounds{.preemptions = 1, .surprises = 0});
}

TEST(ModelRingTest, HoldsInEveryExecutionOfALongMessage) {
  RingScenario scenario(
      {.producers = 1, .consumers = 1, .messages = 1, .long_ones = 1, .size = kTiny, .looks = 1});
  expect_no_failure(scenario, "a long one", Exhaustive::Bounds{.preemptions = 1, .surprises = 0});
}

TEST(ModelRingTest, HoldsInEveryExecutionThatCloses) {
  RingScenario scenario(
      {.producers = 1, .consumers = 1, .messages = 1, .size = kTiny, .closes = true, .looks = 1});
  expect_no_failure(scenario, "closed", Exhaustive::Bounds{.preemptions = 1, .surprises = 0});
}

TEST(ModelRingTest, SaysWhatWasTrueInEveryExecution) {
  RingScenario scenario({.consumers = 1,
                         .messages = 1,
                         .size = {.cells = 2, .limit = 1, .chunks = 3},
                         .counts = true,
                         .is_mortal = false,
                         .is_exact = true,
                         .looks = 1});
  expect_no_failure(scenario, "exact", Exhaustive::Bounds{.preemptions = 1, .surprises = 0});
}

TEST(ModelRingTest, HoldsInRandomExecutions) {
  RingScenario scenario(kShortOnes);
  expect_no_failure(scenario, "short ones", Random::Options{.executions = 300'000, .deaths = 3});
}

TEST(ModelRingTest, HoldsInRandomExecutionsOfLongMessages) {
  RingScenario scenario(kLongOnes);
  expect_no_failure(scenario, "long ones", Random::Options{.executions = 300'000, .deaths = 3});
}

TEST(ModelRingTest, HoldsInRandomExecutionsThatClose) {
  RingScenario scenario(kClosed);
  expect_no_failure(scenario, "closed", Random::Options{.executions = 200'000, .deaths = 2});
}

TEST(ModelRingTest, SaysWhatWasTrueInRandomExecutions) {
  RingScenario scenario(kExact);
  expect_no_failure(scenario, "exact",
                    Random::Options{.executions = 200'000, .deaths = 2, .is_strong = true});
}

TEST(ModelRingTest, SaysWhatWasTrueInRandomExecutionsThatClose) {
  RingScenario scenario(kExactClosed);
  expect_no_failure(scenario, "exact and closed",
                    Random::Options{.executions = 100'000, .deaths = 1, .is_strong = true});
}

class ModelRingMutant : public testing::TestWithParam<Mutant<RingPlan>> {};

TEST_P(ModelRingMutant, IsCaught) {
  RingScenario scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name, {.executions = 10'000'000, .deaths = 2});
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelRingMutant,
    testing::Values(
        mutant("RelaxedPublish", kShortOnes,
               [](RingPlan& plan) { plan.sabotage.publishes_relaxed = true; }),
        mutant("RelaxedFree", kShortOnes,
               [](RingPlan& plan) { plan.sabotage.frees_relaxed = true; }),
        mutant("FreeBeforeRead", kShortOnes, [](RingPlan& plan) { plan.frees_before_read = true; }),
        mutant("EmptyBeforeRead", kShortOnes,
               [](RingPlan& plan) { plan.sabotage.empties_before_read = true; }),
        mutant("BlindRecovery", kShortOnes,
               [](RingPlan& plan) { plan.sabotage.recovers_blind = true; }),
        mutant("SameVersion", kShortOnes,
               [](RingPlan& plan) { plan.sabotage.keeps_versions = true; }),
        mutant("LinksFreedAtOnce", kLongOnes,
               [](RingPlan& plan) { plan.recovers_links_at_once = true; }),
        mutant("FirstChunkFreedFirst", kLongOnes,
               [](RingPlan& plan) { plan.frees_first_chunk_first = true; }),
        mutant("ClosedByFlag", kClosed, [](RingPlan& plan) { plan.closes_by_flag = true; })),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace shoal::model
