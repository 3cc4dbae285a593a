// SPDX-License-Identifier: Apache-2.0
// Processes publish, others wait for what is published, and all of them may be killed.

#include "sync/eventcount.hpp"

#include <gtest/gtest.h>

#include <string>

#include "model/hub.hpp"

namespace shoal::model {
namespace {

using sync::ParticipantId;

/// Who publishes and who waits for how much, and what is wrong.
struct Plan {
  unsigned publishers = 2;
  unsigned sleepers = 2;
  unsigned items = 2;  ///< of each publisher
  bool are_mortal = false;
  Weakness notify{};
  Weakness prepare{};
  bool looks_before_prepare = false;
  bool recovers_without_wake = false;
};

template <class EventPlatform>
class EventcountScenario : public SharedScenario {
 public:
  explicit EventcountScenario(const Plan& plan) : plan_(plan) {
    for (unsigned i = 0; i < plan.publishers; ++i) {
      add_participant("publisher", Fate{.is_mortal = plan.are_mortal},
                      [this](ParticipantId) { publish(); });
    }
    // Who waits for what will not come any more waits on.
    for (unsigned i = 0; i < plan.sleepers; ++i) {
      add_participant("sleeper", Fate{.is_mortal = plan.are_mortal, .may_wait_on = true},
                      [this](ParticipantId) { take_all(); });
    }
    add_hub([this](ParticipantId) {
      if (!plan_.recovers_without_wake) changes_.notify_all();
    });
  }

  std::string check() override {
    if (machine().memory().newest(items_.location()) == 0) return {};
    for (unsigned i = 0; i < plan_.sleepers; ++i) {
      const auto id = static_cast<ParticipantId>(plan_.publishers + i + 1);
      if (!has_ended(id) && !is_dead(id)) return "somebody sleeps beside what it waits for";
    }
    return {};
  }

 private:
  void publish() {
    for (unsigned i = 0; i < plan_.items; ++i) {
      items_.fetch_add(1, std::memory_order_release);
      const Weakened weakened(plan_.notify);
      changes_.notify_one();
    }
  }

  bool take() {
    std::uint32_t seen = items_.load(std::memory_order_acquire);
    while (seen != 0) {
      if (items_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  void take_all() {
    for (unsigned i = 0; i < plan_.items; ++i) {
      while (!take()) {
        const auto key = announce();
        if (!plan_.looks_before_prepare && take()) break;
        changes_.wait(key, base::Deadline::never());
      }
    }
  }

  auto announce() {
    const Weakened weakened(plan_.prepare);
    return changes_.prepare();
  }

  Plan plan_;
  sync::Eventcount<EventPlatform> changes_;
  Platform::Atomic<std::uint32_t> items_;
};

constexpr Plan kOne{.publishers = 1, .sleepers = 1, .items = 2};
constexpr Plan kTwo{.publishers = 2, .sleepers = 2, .items = 1};
constexpr Plan kMortal{.publishers = 2, .sleepers = 2, .items = 1, .are_mortal = true};

TEST(ModelEventcountTest, HoldsInEveryExecutionOfOneSleeper) {
  EventcountScenario<Platform> scenario(kOne);
  expect_no_failure(scenario, "eventcount, one", Exhaustive::Bounds{.preemptions = 3});
}

TEST(ModelEventcountTest, HoldsInRandomExecutionsOfTwo) {
  EventcountScenario<Platform> scenario({.publishers = 2, .sleepers = 2, .items = 2});
  expect_no_failure(scenario, "eventcount, two", Random::Options{.executions = 500'000});
}

TEST(ModelEventcountTest, HoldsInRandomExecutionsWithDeaths) {
  EventcountScenario<Platform> scenario(kMortal);
  expect_no_failure(scenario, "eventcount, mortals",
                    Random::Options{.executions = 500'000, .deaths = 2});
}

class ModelEventcountMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelEventcountMutant, IsCaught) {
  EventcountScenario<Platform> scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelEventcountMutant,
    testing::Values(
        mutant("NoFenceInNotify", kOne, [](Plan& plan) { plan.notify.fences = true; }),
        mutant("NoFenceInPrepare", kOne, [](Plan& plan) { plan.prepare.fences = true; }),
        mutant("LookBeforePrepare", kOne, [](Plan& plan) { plan.looks_before_prepare = true; }),
        mutant("RecoveryWithoutWake", kMortal,
               [](Plan& plan) { plan.recovers_without_wake = true; })),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ModelEventcountMutantTest, MissedWakeIsCaught) {
  EventcountScenario<Silent> scenario(kOne);
  expect_caught(scenario, "MissedWake");
}

TEST(ModelEventcountMutantTest, BitClearedByWakeOneIsCaught) {
  EventcountScenario<Forgetful> scenario(kTwo);
  expect_caught(scenario, "BitClearedByWakeOne");
}

}  // namespace
}  // namespace shoal::model
