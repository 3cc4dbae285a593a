// SPDX-License-Identifier: Apache-2.0
// Callers, the service thread and workers hand the duty to collect to one another while results
// come in.

#include <gtest/gtest.h>

#include <string>

#include "model/engine.hpp"

namespace shoal::model {
namespace {

constexpr EnginePlan kTwoWorkers{.callers = 2, .workers = 2, .tasks = 3};
constexpr EnginePlan kOneWorker{
    .callers = 2, .workers = 1, .tasks = 4, .ahead = 2, .collects_in_passing = true};

constexpr EnginePlan kOnWords{
    .callers = 2, .workers = 1, .tasks = 3, .ahead = 2, .sleeps_on_words = true};

TEST(ModelBoardTest, HoldsInEveryExecutionOfALeaderOnWords) {
  EngineScenario scenario(
      {.callers = 1, .workers = 1, .tasks = 2, .ahead = 2, .sleeps_on_words = true});
  expect_no_failure(scenario, "a leader on words", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsOfLeadersOnWords) {
  EngineScenario scenario(kOnWords);
  expect_no_failure(scenario, "leaders on words", Random::Options{.executions = 600'000});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsOfLeadersOnWordsWithDeaths) {
  EnginePlan plan = kOnWords;
  plan.workers = 2;
  plan.tasks = 4;
  plan.are_mortal = true;
  EngineScenario scenario(plan);
  expect_no_failure(scenario, "leaders on words, mortal workers",
                    Random::Options{.executions = 600'000});
}

TEST(ModelBoardTest, HoldsInEveryExecutionOfOneCaller) {
  EngineScenario scenario({.callers = 1, .workers = 1, .tasks = 2});
  expect_no_failure(scenario, "one caller", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelBoardTest, HoldsInEveryExecutionOfTwoCallers) {
  EngineScenario scenario({.callers = 2, .workers = 1, .tasks = 2, .ahead = 2});
  expect_no_failure(scenario, "two callers", Exhaustive::Bounds{.preemptions = 1, .surprises = 2});
}

TEST(ModelBoardTest, HoldsInEveryExecutionWithADeath) {
  EngineScenario scenario({.callers = 1, .workers = 1, .tasks = 1, .are_mortal = true});
  expect_no_failure(scenario, "mortal worker",
                    Exhaustive::Bounds{.preemptions = 2, .surprises = 1});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsWithTwoWorkers) {
  EngineScenario scenario(kTwoWorkers);
  expect_no_failure(scenario, "two workers", Random::Options{.executions = 600'000});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsWithOneWorker) {
  EngineScenario scenario(kOneWorker);
  expect_no_failure(scenario, "one worker", Random::Options{.executions = 600'000});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsWithDeaths) {
  EnginePlan plan = kTwoWorkers;
  plan.are_mortal = true;
  EngineScenario scenario(plan);
  expect_no_failure(scenario, "mortal workers", Random::Options{.executions = 600'000});
}

TEST(ModelBoardTest, HoldsInRandomExecutionsWithADeadline) {
  EnginePlan plan = kTwoWorkers;
  plan.has_deadline = true;
  EngineScenario scenario(plan);
  expect_no_failure(scenario, "a deadline", Random::Options{.executions = 500'000});
}

class ModelBoardMutant : public testing::TestWithParam<Mutant<EnginePlan>> {};

TEST_P(ModelBoardMutant, IsCaught) {
  EngineScenario scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelBoardMutant,
    testing::Values(
        mutant("NoFenceInPost", kTwoWorkers, [](EnginePlan& plan) { plan.post.fences = true; }),
        mutant("NoFenceInRead", kTwoWorkers,
               [](EnginePlan& plan) { plan.worker.ring.fences = true; }),
        mutant("OneEpoch", kTwoWorkers, [](EnginePlan& plan) { plan.has_one_epoch = true; }),
        mutant("LookBeforePost", kTwoWorkers,
               [](EnginePlan& plan) { plan.looks_before_post = true; }),
        mutant("LeaveWithoutLook", kTwoWorkers,
               [](EnginePlan& plan) { plan.leaves_without_look = true; }),
        mutant("LeaveWithoutPost", kTwoWorkers,
               [](EnginePlan& plan) { plan.leaves_without_post = true; }),
        mutant("PublishWithoutPost", kTwoWorkers,
               [](EnginePlan& plan) { plan.publishes_without_post = true; }),
        mutant("LateSilence", kTwoWorkers, [](EnginePlan& plan) { plan.silences_late = true; }),
        mutant("SleepingLeaderNotTold", kTwoWorkers,
               [](EnginePlan& plan) {
                 plan.are_mortal = true;
                 plan.tells_no_sleeping_leader = true;
               }),
        mutant("WakeOnceAnEpoch", kOnWords,
               [](EnginePlan& plan) { plan.worker.wakes_once_an_epoch = true; }),
        mutant("SleepWithoutRing", kTwoWorkers,
               [](EnginePlan& plan) { plan.worker.sleeps_without_ring = true; })),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace shoal::model
