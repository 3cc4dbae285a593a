// SPDX-License-Identifier: Apache-2.0
// A parent takes tasks back, or ends the worker that runs one of them, while the worker takes them.

#include <gtest/gtest.h>

#include <string>

#include "model/explorer.hpp"
#include "model/worker.hpp"

namespace shoal::model {
namespace {

using pool::Collector;
using pool::Command;
using pool::Honesty;

/// What the parent does once it has handed out its tasks, and what is wrong with it.
enum class Act {
  take_back_youngest,
  take_back_all,
  end_worker,  ///< because of the oldest task, and of no other
};

struct Plan {
  Act act = Act::take_back_youngest;
  unsigned tasks = 3;
  Weakness revoke{};
  Weakness republish{};
  bool revokes_by_store = false;
  bool kills_with_open_gate = false;
  bool kills_without_look = false;
};

class GateScenario : public Scenario {
 public:
  explicit GateScenario(const Plan& plan) : plan_(plan) {
    machine().name(board_.word.location(), "board");
    machine().add_party("parent", Fate{}, [this] { run_parent(); });
    worker_index_ = machine().add_party("worker", Fate{}, [this] { worker_->run(); });
    death_.emplace(Event::of_death(worker_index_));
  }

  void prepare() override {
    parent_.emplace(shared_.submissions, shared_.completions, shared_.gate);
    deeds_ = {};
    states_ = {};
    worker_.emplace(shared_, board_, leader_bell_, service_bell_, deeds_);
    flight_ = {};
    oldest_ = youngest_ = last_ticket_ = target_ = 0;
    is_killed_ = false;
  }

  std::string check() override {
    for (unsigned ticket = 1; ticket <= last_ticket_; ++ticket) {
      const Deed& deed = deeds_[ticket];
      const State state = states_[ticket];
      if (state == State::out) return "a task is not accounted for";
      if (deed.begun > 1) return "a task ran twice";
      if (state == State::done && deed.ended != 1) return "a task is done that did not run";
      if (state == State::back && deed.begun != 0) return "a task was taken back that ran";
      if (state == State::hit && ticket != target_) return "an innocent task was hit";
      if (state != State::done && deed.is_published) return "a result is not delivered";
    }
    return {};
  }

 private:
  enum class State { out, done, back, hit };

  void run_parent() {
    while (last_ticket_ < plan_.tasks) hand_out(++last_ticket_);
    if (plan_.act == Act::end_worker) {
      end_worker();
      if (is_killed_) return;
    } else {
      // Those taken back make place for others, which the worker must not take for them.
      for (unsigned count = take_back(plan_.act == Act::take_back_all); count > 0; --count) {
        if (last_ticket_ < kMostTasks) hand_out(++last_ticket_, plan_.republish);
      }
    }
    collect_all();
    parent_->command(Command::exit);
    if (parent_->needs_wake()) Platform::wake(parent_->bell(), 1);
  }

  void hand_out(unsigned ticket, Weakness weakness = {}) {
    flight_[youngest_++] = ticket;
    states_[ticket] = State::out;
    parent_->write(make_entry(ticket));
    {
      const Weakened weakened(weakness);
      machine().expect(parent_->publish() == Honesty::honest, "the gate looks impossible");
    }
    if (parent_->needs_wake()) Platform::wake(parent_->bell(), 1);
  }

  /// How many have come back.
  unsigned take_back(bool all) {
    const unsigned count = plan_.revokes_by_store ? revoke_by_store() : revoke(all);
    for (unsigned i = 0; i < count; ++i) states_[flight_[--youngest_]] = State::back;
    return count;
  }

  unsigned revoke(bool all) {
    const Weakened weakened(plan_.revoke);
    const auto [honesty, count] = all ? parent_->revoke_untaken() : parent_->revoke_youngest();
    machine().expect(honesty == Honesty::honest, "the gate looks impossible");
    return count;
  }

  // As if one could look at the gate first, and close it then.
  unsigned revoke_by_store() {
    const pool::GateValue value =
        pool::GateValue::unpack(shared_.gate.word.load(std::memory_order_acquire));
    if (value.limit == value.next) return 0;
    const pool::GateValue wanted{value.limit - 1, value.next};
    shared_.gate.word.store(wanted.pack(), std::memory_order_release);
    return 1;
  }

  // TRAPS 1: close the gate; look; kill only if the task is still the one that runs.
  void end_worker() {
    collect();
    if (oldest_ == youngest_) return;
    target_ = flight_[oldest_];
    const unsigned before = youngest_;
    if (!plan_.kills_with_open_gate) take_back(true);
    if (!plan_.kills_without_look) collect();
    if (oldest_ != youngest_ && flight_[oldest_] == target_) return kill_worker();
    for (unsigned i = youngest_; i < before; ++i) hand_out(flight_[i]);
  }

  void kill_worker() {
    is_killed_ = true;
    machine().kill(worker_index_);
    wait_readable({&*death_});
    collect();
    for (; oldest_ < youngest_; ++oldest_) {
      const unsigned ticket = flight_[oldest_];
      states_[ticket] = parent_->taken() == ticket ? State::hit : State::back;
    }
  }

  void collect_all() {
    for (;;) {
      board_.post(Collector::leader_asleep);
      collect();
      if (oldest_ == youngest_) return;
      wait_readable({&leader_bell_});
      leader_bell_.silence();
    }
  }

  void collect() {
    for (pool::Completion copy; oldest_ < youngest_; ++oldest_) {
      const unsigned ticket = flight_[oldest_];
      const auto [honesty, has_completion] = parent_->peek(ticket, copy);
      machine().expect(honesty == Honesty::honest, "a completion looks forged");
      if (!has_completion) return;
      machine().expect(has_result_of(copy, ticket), "a task has a wrong result");
      parent_->release();
      states_[ticket] = State::done;
    }
  }

  Plan plan_;
  Shared shared_;
  pool::Board<Platform> board_;
  Event leader_bell_{"leader bell"};
  Event service_bell_{"service bell"};
  std::optional<Event> death_;
  std::optional<pool::ParentMailbox<Platform>> parent_;
  std::optional<Worker> worker_;
  unsigned worker_index_ = 0;
  Deeds deeds_;
  std::array<State, kMostTasks + 1> states_;
  std::array<unsigned, 2 * kMostTasks> flight_;  // tickets in the order of their entries
  unsigned oldest_ = 0;
  unsigned youngest_ = 0;
  unsigned last_ticket_ = 0;
  unsigned target_ = 0;  // the task because of which the worker is ended
  bool is_killed_ = false;
};

constexpr Plan kTakeBackOne{.act = Act::take_back_youngest};
constexpr Plan kTakeBackAll{.act = Act::take_back_all};
constexpr Plan kEnd{.act = Act::end_worker};

TEST(ModelGateTest, HoldsInEveryExecutionThatTakesATaskBack) {
  GateScenario scenario({.act = Act::take_back_youngest, .tasks = 1});
  expect_no_failure(scenario, "one taken back", Exhaustive::Bounds{.preemptions = 3});
}

TEST(ModelGateTest, HoldsInEveryExecutionThatTakesAllBack) {
  GateScenario scenario({.act = Act::take_back_all, .tasks = 2});
  expect_no_failure(scenario, "all taken back", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelGateTest, HoldsInEveryExecutionThatEndsAWorker) {
  GateScenario scenario({.act = Act::end_worker, .tasks = 2});
  expect_no_failure(scenario, "worker ended", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelGateTest, HoldsInRandomExecutionsThatTakeATaskBack) {
  GateScenario scenario(kTakeBackOne);
  expect_no_failure(scenario, "one taken back", Random::Options{.executions = 1'000'000});
}

TEST(ModelGateTest, HoldsInRandomExecutionsThatTakeAllBack) {
  GateScenario scenario(kTakeBackAll);
  expect_no_failure(scenario, "all taken back", Random::Options{.executions = 1'000'000});
}

TEST(ModelGateTest, HoldsInRandomExecutionsThatEndAWorker) {
  GateScenario scenario(kEnd);
  expect_no_failure(scenario, "worker ended", Random::Options{.executions = 1'000'000});
}

class ModelGateMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelGateMutant, IsCaught) {
  GateScenario scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelGateMutant,
    testing::Values(
        mutant("RevokeByStore", kTakeBackOne, [](Plan& plan) { plan.revokes_by_store = true; }),
        mutant("RelaxedRepublish", kTakeBackAll, [](Plan& plan) { plan.republish.stores = true; }),
        mutant("KillWithOpenGate", kEnd, [](Plan& plan) { plan.kills_with_open_gate = true; }),
        mutant("KillWithoutLook", kEnd, [](Plan& plan) { plan.kills_without_look = true; }),
        mutant("RelaxedClose", kEnd, [](Plan& plan) { plan.revoke.loads = true; })),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace shoal::model
