// SPDX-License-Identifier: Apache-2.0
// Workers and leaders poll while they hold a spin token, and go to sleep when it is withdrawn.

#include <gtest/gtest.h>

#include <string>

#include "model/engine.hpp"

namespace shoal::model {
namespace {

constexpr EnginePlan kOneToken{
    .callers = 2, .workers = 2, .tasks = 3, .tokens = 1, .looks = 2, .worker = {.looks = 2}};
constexpr EnginePlan kTwoTokens{.callers = 2,
                                .workers = 2,
                                .tasks = 4,
                                .ahead = 2,
                                .tokens = 2,
                                .looks = 3,
                                .worker = {.looks = 3}};

TEST(ModelSpinTest, HoldsInEveryExecutionOfOneCaller) {
  EngineScenario scenario(
      {.callers = 1, .workers = 1, .tasks = 1, .tokens = 1, .looks = 2, .worker = {.looks = 1}});
  expect_no_failure(scenario, "one caller, one token", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelSpinTest, HoldsInRandomExecutionsWithOneToken) {
  EngineScenario scenario(kOneToken);
  expect_no_failure(scenario, "one token", Random::Options{.executions = 300'000});
}

TEST(ModelSpinTest, HoldsInRandomExecutionsWithTwoTokens) {
  EngineScenario scenario(kTwoTokens);
  expect_no_failure(scenario, "two tokens", Random::Options{.executions = 300'000});
}

TEST(ModelSpinTest, HoldsInRandomExecutionsWithDeaths) {
  EnginePlan plan = kTwoTokens;
  plan.are_mortal = true;
  EngineScenario scenario(plan);
  expect_no_failure(scenario, "tokens and deaths", Random::Options{.executions = 300'000});
}

/// How a token comes and goes, and what is wrong with that.
struct TokenPlan {
  unsigned tasks = 2;
  WorkerHabits worker{.looks = 100};
  Weakness wake{};
  bool is_never_withdrawn = false;
};

/// A worker polls as long as it may, with no limit of its own, while one thread of its parent hands
/// it tasks and another gives it a token and withdraws it, again and again.
class TokenScenario : public Scenario {
 public:
  explicit TokenScenario(const TokenPlan& plan) : plan_(plan) {
    machine().name(board_.word.location(), "board");
    machine().add_party("parent", Fate{}, [this] { hand_out(); });
    machine().add_party("tokens", Fate{}, [this] { give_and_withdraw(); });
    machine().add_party("worker", Fate{.may_wait_on = true}, [this] { worker_->run(); });
  }

  void prepare() override {
    parent_.emplace(shared_.submissions, shared_.completions, shared_.gate);
    deeds_ = {};
    worker_.emplace(shared_, board_, leader_bell_, service_bell_, deeds_, plan_.worker);
  }

  std::string check() override {
    for (unsigned ticket = 1; ticket <= plan_.tasks; ++ticket) {
      if (deeds_[ticket].ended != 1) return "a task did not run once";
    }
    return {};
  }

 private:
  void hand_out() {
    for (unsigned ticket = 1; ticket <= plan_.tasks; ++ticket) {
      parent_->write(make_entry(ticket));
      machine().expect(parent_->publish() == pool::Honesty::honest, "the gate looks impossible");
      wake_worker();
    }
  }

  void wake_worker() {
    const Weakened weakened(plan_.wake);
    if (parent_->needs_wake()) Platform::wake(parent_->bell(), 1);
  }

  void give_and_withdraw() {
    for (int i = 0; i < 2; ++i) {
      parent_->allow_spin(true);
      if (!plan_.is_never_withdrawn) parent_->allow_spin(false);
    }
  }

  TokenPlan plan_;
  Shared shared_;
  pool::Board<Platform> board_;
  Event leader_bell_{"leader bell"};
  Event service_bell_{"service bell"};
  std::optional<pool::ParentMailbox<Platform>> parent_;
  std::optional<Worker> worker_;
  Deeds deeds_;
};

TEST(ModelSpinTest, LosesNoWakeInAnyExecutionInWhichATokenIsWithdrawn) {
  TokenScenario scenario({.tasks = 1});
  expect_no_failure(scenario, "token withdrawn", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelSpinTest, LosesNoWakeWhenATokenIsWithdrawn) {
  TokenScenario scenario({.tasks = 3});
  expect_no_failure(scenario, "token withdrawn", Random::Options{.executions = 1'000'000});
}

TEST(ModelSpinMutant, TokenNeverWithdrawnIsCaught) {
  TokenScenario scenario({.worker = {.looks = ~0U}, .is_never_withdrawn = true});
  expect_caught(scenario, "TokenNeverWithdrawn");
}

TEST(ModelSpinMutant, NoFenceInSleepIsCaught) {
  TokenScenario scenario({.worker = {.looks = 100, .sleep = {.fences = true}}});
  expect_caught(scenario, "NoFenceInSleep");
}

TEST(ModelSpinMutant, NoFenceInNeedsWakeIsCaught) {
  TokenScenario scenario({.wake = {.fences = true}});
  expect_caught(scenario, "NoFenceInNeedsWake");
}

TEST(ModelSpinMutant, LeaderThatPollsWithoutTokenIsCaught) {
  EnginePlan plan = kOneToken;
  plan.polls_without_token = true;
  EngineScenario scenario(plan);
  expect_caught(scenario, "PollWithoutToken");
}

TEST(ModelSpinMutant, LeaderThatSleepsAsIfItPolledIsCaught) {
  EnginePlan plan = kOneToken;
  plan.sleeps_as_polling = true;
  EngineScenario scenario(plan);
  expect_caught(scenario, "SleepAsPolling");
}

TEST(ModelSpinMutant, WorkerThatForgetsToRingAfterItsPollIsCaught) {
  EnginePlan plan = kOneToken;
  plan.worker.sleeps_without_ring = true;
  EngineScenario scenario(plan);
  expect_caught(scenario, "SleepWithoutRing");
}

}  // namespace
}  // namespace shoal::model
