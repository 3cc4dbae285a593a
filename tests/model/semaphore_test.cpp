// SPDX-License-Identifier: Apache-2.0
// Processes take permits and give them back, and are killed while they do.

#include "sync/semaphore.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "model/hub.hpp"

namespace shoal::model {
namespace {

using sync::ParticipantId;

/// Who takes and gives how many permits, and what is wrong.
struct Plan {
  unsigned participants = 3;
  unsigned rounds = 1;
  unsigned permits = 1;
  bool are_mortal = true;
  bool does_not_recover = false;
  bool recovers_without_wake = false;
  Weakness change{};
};

class SemaphoreScenario : public SharedScenario {
 public:
  explicit SemaphoreScenario(const Plan& plan) : plan_(plan) {
    for (unsigned i = 0; i < plan.participants; ++i) {
      add_participant("process", Fate{.is_mortal = plan.are_mortal},
                      [this](ParticipantId me) { run(me); });
    }
    add_hub(
        [this](ParticipantId dead) {
          if (!plan_.does_not_recover) words_.recover(dead);
          if (!plan_.recovers_without_wake) words_.wake_all();
        },
        [this] { look(); });
    machine().add_party("starter", Fate{}, [this] {
      words_.start(plan_.permits);
      started_.ring();
    });
  }

  void prepare() override {
    SharedScenario::prepare();
    is_inside_ = {};
  }
  std::string check() override { return {}; }  // that all come to their end, and look()

 private:
  void run(ParticipantId me) {
    wait_readable({&started_});
    for (unsigned i = 0; i < plan_.rounds; ++i) {
      while (!try_acquire(me)) {
        const auto key = words_.changes().prepare();
        if (try_acquire(me)) break;
        words_.changes().wait(key, base::Deadline::never());
      }
      work(me);
      const Weakened weakened(plan_.change);
      machine().expect(words_.release(me, 1, plan_.permits), "there are more permits than before");
    }
  }

  bool try_acquire(ParticipantId me) {
    const Weakened weakened(plan_.change);
    return words_.try_acquire(me);
  }

  void work(ParticipantId me) {
    unsigned count = 0;
    is_inside_[me] = true;
    for (ParticipantId id = 1; id <= plan_.participants; ++id) {
      count += is_inside_[id] && !is_dead(id);
    }
    machine().expect(count <= plan_.permits, "more are inside than there are permits");
    machine().step("works");
    is_inside_[me] = false;
  }

  // All have ended, and those who were killed have been recovered.
  void look() {
    machine().expect(words_.value() == plan_.permits, "permits were lost, or made");
    for (ParticipantId id = 1; id <= plan_.participants; ++id) {
      machine().expect(words_.held(id) == 0, "one that has ended holds a permit");
    }
  }

  Plan plan_;
  sync::Semaphore<Platform, kMost + 1> words_;
  Event started_{"started"};
  std::array<bool, kMost + 1> is_inside_{};
};

constexpr Plan kTwo{.participants = 2};
constexpr Plan kThree{.participants = 3};

TEST(ModelSemaphoreTest, HoldsInEveryExecutionOfTwoWithADeath) {
  SemaphoreScenario scenario(kTwo);
  expect_no_failure(scenario, "semaphore, two",
                    Exhaustive::Bounds{.preemptions = 1, .surprises = 1});
}

TEST(ModelSemaphoreTest, HoldsInRandomExecutionsOfThree) {
  SemaphoreScenario scenario({.participants = 3, .rounds = 2, .permits = 2});
  expect_no_failure(scenario, "semaphore, two permits", Random::Options{.executions = 300'000});
}

TEST(ModelSemaphoreTest, HoldsInRandomExecutionsWithDeaths) {
  SemaphoreScenario scenario(kThree);
  expect_no_failure(scenario, "semaphore, one permit",
                    Random::Options{.executions = 300'000, .deaths = 2});
}

class ModelSemaphoreMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelSemaphoreMutant, IsCaught) {
  SemaphoreScenario scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelSemaphoreMutant,
    testing::Values(mutant("NoRecovery", kTwo, [](Plan& plan) { plan.does_not_recover = true; }),
                    mutant("RecoveryWithoutWake", kTwo,
                           [](Plan& plan) { plan.recovers_without_wake = true; }),
                    mutant("RelaxedChange", kThree,
                           [](Plan& plan) { plan.change.stores = plan.change.loads = true; })),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace shoal::model
