// SPDX-License-Identifier: Apache-2.0
// Processes wait for a condition under a lock, others make it true, and are killed while they do.

#include "sync/condition.hpp"

#include <gtest/gtest.h>

#include <string>

#include "model/hub.hpp"
#include "sync/lock.hpp"

namespace shoal::model {
namespace {

using sync::ParticipantId;
using sync::Taken;

/// Who waits and who notifies, and what is wrong.
struct Plan {
  unsigned waiters = 2;
  unsigned notifiers = 1;
  unsigned items = 1;  ///< of each notifier
  bool are_mortal = false;
  bool notifies_all = false;
  bool notifies_without_lock = false;
  bool leaves_before_lock = false;  ///< takes notice before it has the lock again
  bool unlocks_before_enter = false;
  bool recovers_without_wake = false;
};

template <class ConditionPlatform>
class ConditionScenario : public SharedScenario {
 public:
  explicit ConditionScenario(const Plan& plan) : plan_(plan) {
    for (unsigned i = 0; i < plan.notifiers; ++i) {
      add_participant("notifier", Fate{.is_mortal = plan.are_mortal},
                      [this](ParticipantId me) { notify(me); });
    }
    for (unsigned i = 0; i < plan.waiters; ++i) {
      add_participant("waiter", Fate{.is_mortal = plan.are_mortal, .may_wait_on = true},
                      [this](ParticipantId me) { wait(me); });
    }
    add_hub([this](ParticipantId dead) {
      words_.recover(dead);
      lock_.recover(dead);
      if (plan_.recovers_without_wake) return;
      words_.wake_all();
      lock_.wake_all();
    });
  }

  void prepare() override {
    SharedScenario::prepare();
    ready_ = said_ = 0;
  }
  // What a notifier said before it died is heard; what it did not say need not be.
  std::string check() override {
    if (ready_ == 0 || said_ == 0) return {};
    for (unsigned i = 0; i < plan_.waiters; ++i) {
      const auto id = static_cast<ParticipantId>(plan_.notifiers + i + 1);
      if (!has_ended(id) && !is_dead(id)) return "one waits for what is true and was said";
    }
    return {};
  }

 private:
  void lock(ParticipantId me) {
    sync::Lock<Platform>::Waiter waiter{me};
    for (;;) {
      const Taken taken = lock_.take_or_sleep(waiter, base::Deadline::never());
      if (taken == Taken::yes) return;
      if (taken == Taken::owner_died && lock_.take_over(me)) return;
    }
  }

  void notify(ParticipantId me) {
    for (unsigned i = 0; i < plan_.items; ++i) {
      lock(me);
      ++ready_;
      if (plan_.notifies_without_lock) lock_.unlock();
      if (plan_.notifies_all) {
        words_.notify_all();
      } else {
        words_.notify(1);
      }
      ++said_;
      if (!plan_.notifies_without_lock) lock_.unlock();
    }
  }

  void wait(ParticipantId me) {
    lock(me);
    while (ready_ == 0) {
      if (plan_.unlocks_before_enter) lock_.unlock();
      const auto place = words_.enter(me);
      machine().expect(place.has_value(), "there is no slot");
      if (!plan_.unlocks_before_enter) lock_.unlock();
      while (!words_.is_notified(*place)) words_.sleep(*place, base::Deadline::never());
      if (plan_.leaves_before_lock) words_.leave(*place);
      lock(me);
      if (!plan_.leaves_before_lock) words_.leave(*place);
    }
    --ready_;
    lock_.unlock();
  }

  Plan plan_;
  sync::Condition<ConditionPlatform, 3> words_;
  sync::Lock<Platform> lock_;
  unsigned ready_ = 0;  // guarded by lock_
  unsigned said_ = 0;   // how often it was notified
};

constexpr Plan kTwo{.waiters = 1, .notifiers = 1};
constexpr Plan kThree{.waiters = 2, .notifiers = 1};
constexpr Plan kMortal{.waiters = 2, .notifiers = 1, .are_mortal = true};

TEST(ModelConditionTest, HoldsInEveryExecutionOfTwo) {
  ConditionScenario<Platform> scenario(kTwo);
  expect_no_failure(scenario, "condition, two",
                    Exhaustive::Bounds{.preemptions = 2, .surprises = 1});
}

TEST(ModelConditionTest, HoldsInRandomExecutions) {
  ConditionScenario<Platform> scenario({.waiters = 2, .notifiers = 2});
  expect_no_failure(scenario, "condition, four", Random::Options{.executions = 250'000});
}

TEST(ModelConditionTest, HoldsInRandomExecutionsWithoutTheLock) {
  Plan plan = kThree;
  plan.notifies_without_lock = true;
  ConditionScenario<Platform> scenario(plan);
  expect_no_failure(scenario, "condition, no lock", Random::Options{.executions = 250'000});
}

TEST(ModelConditionTest, HoldsInRandomExecutionsWithDeaths) {
  ConditionScenario<Platform> scenario(kMortal);
  expect_no_failure(scenario, "condition, mortals",
                    Random::Options{.executions = 500'000, .deaths = 2});
}

class ModelConditionMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelConditionMutant, IsCaught) {
  ConditionScenario<Platform> scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelConditionMutant,
    testing::Values(mutant("UnlockBeforeEnter", kTwo,
                           [](Plan& plan) { plan.unlocks_before_enter = true; }),
                    mutant("NoticeTakenBeforeTheLock", kMortal,
                           [](Plan& plan) { plan.leaves_before_lock = true; }),
                    mutant("RecoveryWithoutWake", kMortal,
                           [](Plan& plan) { plan.recovers_without_wake = true; })),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ModelConditionMutantTest, MissedWakeIsCaught) {
  ConditionScenario<Silent> scenario(kTwo);
  expect_caught(scenario, "MissedWake");
}

}  // namespace
}  // namespace shoal::model
