// SPDX-License-Identifier: Apache-2.0
// Parties meet at a barrier again and again, and are killed while they do.

#include "sync/barrier.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "model/hub.hpp"

namespace shoal::model {
namespace {

using sync::ParticipantId;

/// How many meet how often, and what is wrong.
struct Plan {
  unsigned parties = 2;
  unsigned rounds = 2;
  bool are_mortal = false;
  bool has_breaker = false;  ///< one more, who aborts and resets
  bool does_not_recover = false;
  bool recovers_without_wake = false;
  Weakness arrive{};
};

template <class BarrierPlatform>
class BarrierScenario : public SharedScenario {
 public:
  using Words = sync::Barrier<BarrierPlatform>;
  using Outcome = typename Words::Outcome;

  explicit BarrierScenario(const Plan& plan) : plan_(plan) {
    for (unsigned i = 0; i < plan.parties; ++i) {
      add_participant("party", Fate{.is_mortal = plan.are_mortal, .may_wait_on = true},
                      [this](ParticipantId me) { run(me); });
    }
    if (plan.has_breaker) {
      add_participant("breaker", Fate{}, [this](ParticipantId) {
        Words barrier = words();
        barrier.abort();
        barrier.reset();
      });
    }
    add_hub([this](ParticipantId dead) {
      if (!plan_.does_not_recover) words().recover(dead);
      if (!plan_.recovers_without_wake) words().wake_all();
    });
  }

  void prepare() override {
    SharedScenario::prepare();
    inside_ = {};
    ends_ = {};
    firsts_ = {};
    data_ = {};
  }

  // Who waits for one that was killed elsewhere waits on; and for one that was told of a break.
  std::string check() override {
    for (ParticipantId me = 1; me <= plan_.parties; ++me) {
      if (has_ended(me) || is_dead(me) || inside_[me] == 0) continue;
      unsigned here = 0;
      for (ParticipantId other = 1; other <= plan_.parties; ++other) {
        if (inside_[other] != inside_[me]) continue;
        if (is_dead(other)) return "one waits in a generation in which another died";
        ++here;
      }
      if (here == plan_.parties) return "all are there, and one waits";
      if (ends_[inside_[me]] != Outcome::pending) return "one waits in a generation that has ended";
    }
    return {};
  }

 private:
  Words words() { return Words(words_, std::span(slots_).first(plan_.parties)); }

  void run(ParticipantId me) {
    Words barrier = words();
    for (unsigned round = 0; round < plan_.rounds; ++round) {
      for (ParticipantId other = 1; other <= plan_.parties; ++other) {
        Platform::write(&data_[me][other], &round, sizeof round);
      }
      if (!meet(me, barrier)) return;
      // What the others did before they came is seen; they change it after the next meeting.
      for (ParticipantId other = 1; other <= plan_.parties; ++other) {
        unsigned copy = 0;
        Platform::read(&copy, &data_[other][me], sizeof copy);
        machine().expect(copy == round, "another is in another round");
      }
      if (!meet(me, barrier)) return;
    }
  }

  bool meet(ParticipantId me, Words& barrier) {
    const auto arrival = arrive(me, barrier);
    if (arrival.state == Words::State::broken) return false;
    machine().expect(arrival.state == Words::State::arrived, "more are there than parties");
    const std::uint64_t generation = arrival.generation + 1;
    inside_[me] = generation;
    machine().expect(arrival.index != 0 || ++firsts_[generation] == 1, "two came first");
    Outcome outcome = Outcome::broken;
    if (arrival.is_last(plan_.parties)) {
      machine().step("acts");
      if (barrier.pass(arrival.generation)) outcome = Outcome::passed;
    } else {
      while ((outcome = barrier.outcome(arrival.generation)) == Outcome::pending) {
        const auto key = barrier.changes().prepare();
        if (barrier.outcome(arrival.generation) != Outcome::pending) continue;
        barrier.changes().wait(key, base::Deadline::never());
      }
    }
    machine().expect(ends_[generation] == Outcome::pending || ends_[generation] == outcome,
                     "one was told of a break, another passed");
    ends_[generation] = outcome;
    inside_[me] = 0;
    return outcome == Outcome::passed;
  }

  auto arrive(ParticipantId me, Words& barrier) {
    const Weakened weakened(plan_.arrive);
    return barrier.arrive(me);
  }

  Plan plan_;
  sync::BarrierWords<BarrierPlatform> words_;
  std::array<typename Words::Slot, kMost> slots_{};
  std::array<std::uint64_t, kMost + 1> inside_{};  // the generation that somebody waits in, + 1
  std::array<Outcome, 16> ends_{};
  std::array<unsigned, 16> firsts_{};
  struct alignas(128) Cell {
    unsigned round;
  };
  std::array<std::array<Cell, kMost + 1>, kMost + 1> data_{};  // from one party to another
};

constexpr Plan kTwo{.parties = 2, .rounds = 1};
constexpr Plan kThree{.parties = 3, .rounds = 2};
constexpr Plan kMortal{.parties = 3, .rounds = 1, .are_mortal = true};

TEST(ModelBarrierTest, HoldsInEveryExecutionOfTwo) {
  BarrierScenario<Platform> scenario(kTwo);
  expect_no_failure(scenario, "barrier, two", Exhaustive::Bounds{.preemptions = 2, .surprises = 1});
}

TEST(ModelBarrierTest, HoldsInRandomExecutionsOfThree) {
  BarrierScenario<Platform> scenario(kThree);
  expect_no_failure(scenario, "barrier, three", Random::Options{.executions = 250'000});
}

TEST(ModelBarrierTest, HoldsInRandomExecutionsWithDeaths) {
  BarrierScenario<Platform> scenario(kMortal);
  expect_no_failure(scenario, "barrier, mortals",
                    Random::Options{.executions = 400'000, .deaths = 2});
}

TEST(ModelBarrierTest, HoldsInRandomExecutionsWithABreaker) {
  Plan plan = kMortal;
  plan.parties = 2;
  plan.has_breaker = true;
  BarrierScenario<Platform> scenario(plan);
  expect_no_failure(scenario, "barrier, breaker", Random::Options{.executions = 350'000});
}

class ModelBarrierMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelBarrierMutant, IsCaught) {
  BarrierScenario<Platform> scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelBarrierMutant,
    testing::Values(mutant("RelaxedArrival", kThree,
                           [](Plan& plan) { plan.arrive.stores = plan.arrive.loads = true; }),
                    mutant("NoRecovery", kMortal, [](Plan& plan) { plan.does_not_recover = true; }),
                    mutant("RecoveryWithoutWake", kMortal,
                           [](Plan& plan) { plan.recovers_without_wake = true; })),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ModelBarrierMutantTest, MissedWakeIsCaught) {
  BarrierScenario<Silent> scenario(kTwo);
  expect_caught(scenario, "MissedWake");
}

}  // namespace
}  // namespace shoal::model
