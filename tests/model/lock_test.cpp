// SPDX-License-Identifier: Apache-2.0
// Processes take a lock in turn, and are killed while they do.

#include "sync/lock.hpp"

#include <gtest/gtest.h>

#include <string>

#include "model/hub.hpp"

namespace shoal::model {
namespace {

using sync::ParticipantId;
using sync::Taken;

/// Who takes the lock how often, and what is wrong.
struct Plan {
  unsigned participants = 3;
  unsigned rounds = 2;
  bool are_mortal = false;
  bool have_deadlines = false;  ///< the first leaves when it was woken, and comes again
  bool are_impatient = false;   ///< those who were overtaken once
  bool has_trier = false;       ///< the last one only tries
  Weakness unlock{};
  Weakness take{};
  bool forgets_sleepers = false;
  bool keeps_wakes = false;
  bool recovers_without_wake = false;
  bool does_not_recover = false;
};

template <class LockPlatform>
class LockScenario : public SharedScenario {
 public:
  explicit LockScenario(const Plan& plan) : plan_(plan) {
    for (unsigned i = 1; i <= plan.participants; ++i) {
      add_participant("process " + std::to_string(i), Fate{.is_mortal = plan.are_mortal},
                      [this](ParticipantId me) { run(me); });
    }
    add_hub([this](ParticipantId dead) {
      if (plan_.does_not_recover) return lock_.wake_all();
      lock_.recover(dead);
      if (!plan_.recovers_without_wake) lock_.wake_all();
    });
  }

  void prepare() override {
    SharedScenario::prepare();
    inside_ = 0;
    data_ = 0;
  }
  std::string check() override { return {}; }  // that all come to their end is what is asked

 private:
  void run(ParticipantId me) {
    for (unsigned round = 0; round < plan_.rounds; ++round) {
      if (plan_.has_trier && me == plan_.participants) {
        if (lock_.try_take(me) == Taken::yes) work(me);
        continue;
      }
      if (take(me)) work(me);
    }
  }

  bool take(ParticipantId me) {
    const Weakened weakened(plan_.take);
    typename sync::Lock<LockPlatform>::Waiter waiter{me};
    for (;;) {
      if (plan_.forgets_sleepers) waiter.has_slept = false;
      const Taken taken = lock_.take_or_sleep(waiter, base::Deadline::never());
      if (taken == Taken::yes) return true;
      if (taken == Taken::owner_died) {
        if (lock_.take_over(me)) return true;
        continue;
      }
      waiter.is_impatient = plan_.are_impatient;
      if (!plan_.have_deadlines || me != 1) continue;
      if (plan_.keeps_wakes) return false;
      const Taken last = lock_.give_up(waiter);
      if (last == Taken::owner_died) return lock_.take_over(me);
      return last == Taken::yes;
    }
  }

  // What the lock guards are plain bytes: the machine sees accesses without an order.
  void work(ParticipantId me) {
    machine().expect(inside_ == 0 || is_dead(inside_), "two hold the lock");
    inside_ = me;
    unsigned copy = 0;
    Platform::read(&copy, &data_, sizeof data_);
    ++copy;
    Platform::write(&data_, &copy, sizeof data_);
    machine().step("works");
    machine().expect(inside_ == me, "another came in");
    inside_ = 0;
    const Weakened weakened(plan_.unlock);
    machine().expect(lock_.unlock(), "the lock was not held");
  }

  Plan plan_;
  sync::Lock<LockPlatform> lock_;
  ParticipantId inside_ = 0;
  unsigned data_ = 0;
};

constexpr Plan kTwo{.participants = 2, .rounds = 2};
constexpr Plan kThree{.participants = 3, .rounds = 2};
constexpr Plan kMortal{.participants = 3, .rounds = 2, .are_mortal = true};
constexpr Plan kHasty{.participants = 3,
                      .rounds = 2,
                      .are_mortal = true,
                      .have_deadlines = true,
                      .are_impatient = true,
                      .has_trier = true};

TEST(ModelLockTest, HoldsInEveryExecutionOfTwo) {
  LockScenario<Platform> scenario(kTwo);
  expect_no_failure(scenario, "lock, two", Exhaustive::Bounds{.preemptions = 3, .surprises = 1});
}

TEST(ModelLockTest, HoldsInEveryExecutionOfTwoWithADeath) {
  LockScenario<Platform> scenario({.participants = 2, .rounds = 1, .are_mortal = true});
  expect_no_failure(scenario, "lock, two mortals",
                    Exhaustive::Bounds{.preemptions = 2, .surprises = 1});
}

TEST(ModelLockTest, HoldsInRandomExecutionsOfThree) {
  Plan plan = kThree;
  plan.are_impatient = true;
  LockScenario<Platform> scenario(plan);
  expect_no_failure(scenario, "lock, three", Random::Options{.executions = 300'000});
}

TEST(ModelLockTest, HoldsInRandomExecutionsWithDeaths) {
  LockScenario<Platform> scenario(kMortal);
  expect_no_failure(scenario, "lock, mortals", Random::Options{.executions = 400'000, .deaths = 2});
}

TEST(ModelLockTest, HoldsInRandomExecutionsWithDeathsAndDeadlines) {
  LockScenario<Platform> scenario(kHasty);
  expect_no_failure(scenario, "lock, hasty mortals",
                    Random::Options{.executions = 400'000, .deaths = 2});
}

class ModelLockMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelLockMutant, IsCaught) {
  LockScenario<Platform> scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

constexpr Plan kLeaving{.participants = 3, .rounds = 2, .have_deadlines = true};

INSTANTIATE_TEST_SUITE_P(
    Each, ModelLockMutant,
    testing::Values(
        mutant("RelaxedUnlock", kTwo, [](Plan& plan) { plan.unlock.stores = true; }),
        mutant("RelaxedTake", kTwo, [](Plan& plan) { plan.take.loads = true; }),
        mutant("SleepersForgotten", kThree, [](Plan& plan) { plan.forgets_sleepers = true; }),
        mutant("WakeKept", kLeaving, [](Plan& plan) { plan.keeps_wakes = true; }),
        mutant("HandoffKept", kLeaving,
               [](Plan& plan) {
                 plan.are_impatient = true;
                 plan.keeps_wakes = true;
               }),
        mutant("RecoveryWithoutWake", kMortal,
               [](Plan& plan) { plan.recovers_without_wake = true; }),
        mutant("NoRecovery", kMortal, [](Plan& plan) { plan.does_not_recover = true; })),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ModelLockMutantTest, MissedWakeIsCaught) {
  LockScenario<Silent> scenario(kTwo);
  expect_caught(scenario, "MissedWake");
}

}  // namespace
}  // namespace shoal::model
