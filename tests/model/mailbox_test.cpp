// SPDX-License-Identifier: Apache-2.0
// A parent hands tasks to a worker that may be killed before any of its steps, and sleeps between
// the results.

#include <gtest/gtest.h>

#include <string>

#include "model/explorer.hpp"
#include "model/worker.hpp"

namespace shoal::model {
namespace {

using pool::Collector;
using pool::Command;
using pool::Honesty;

/// How the parent hands out, and what is wrong with it or its worker.
struct Plan {
  unsigned tasks = 2;
  unsigned ahead = 1;             ///< most tasks in flight
  std::uint32_t first_index = 0;  ///< where the gate stands in the beginning
  bool publishes_once = false;    ///< all that are written, with one swap
  WorkerHabits worker{};
  Weakness publish{};
  Weakness wake{};
  Weakness peek{};
  Weakness post{};
  bool has_deaf_bell = false;
  bool has_no_taken = false;
  bool forgets_final_look = false;
};

class MailboxScenario : public Scenario {
 public:
  explicit MailboxScenario(const Plan& plan) : plan_(plan) {
    machine().name(board_.word.location(), "board");
    machine().add_party("parent", Fate{}, [this] { run_parent(); });
    const unsigned worker =
        machine().add_party("worker", Fate{.is_mortal = true}, [this] { worker_->run(); });
    death_.emplace(Event::of_death(worker));
    const pool::GateValue start{plan_.first_index, plan_.first_index};
    machine().memory().start_at(shared_.gate.word.location(), start.pack());
  }

  void prepare() override {
    parent_.emplace(shared_.submissions, shared_.completions, shared_.gate, plan_.first_index);
    deeds_ = {};
    states_ = {};
    worker_.emplace(shared_, board_, leader_bell_, service_bell_, deeds_, plan_.worker);
    next_ = 1;
    written_ = 0;
    Memory& memory = machine().memory();
    if (plan_.has_deaf_bell) memory.freeze(shared_.submissions.bell.location());
    if (plan_.has_no_taken) memory.freeze(shared_.completions.taken.location());
  }

  std::string check() override {
    for (unsigned ticket = 1; ticket <= plan_.tasks; ++ticket) {
      const Deed& deed = deeds_[ticket];
      const State state = states_[ticket];
      if (state == State::unknown) return "a task is not accounted for";
      if (deed.begun > 1) return "a task ran twice";
      if (state == State::done && deed.ended != 1) return "a task is done that did not run";
      if (state == State::untouched && deed.begun != 0) return "a task would run twice";
      if (state != State::done && deed.is_published) return "a result is not delivered";
      if (state != State::done && !has_died_) return "a task is not done, and nobody died";
    }
    return {};
  }

 private:
  enum class State { unknown, done, lost, untouched };

  void run_parent() {
    has_died_ = false;
    while (next_ <= plan_.tasks) {
      hand_out();
      post();
      collect();
      if (next_ > plan_.tasks) break;
      if (parent_->in_flight() == 0) continue;
      wait_readable({&leader_bell_, &*death_});
      leader_bell_.silence();
      if (machine().read_kernel(death_->location()) != 0) return settle();
    }
    parent_->command(Command::exit);
    wake_worker();
  }

  void post() {
    const Weakened weakened(plan_.post);
    board_.post(Collector::leader_asleep);
  }

  void hand_out() {
    while (written_ < plan_.tasks && parent_->in_flight() < plan_.ahead) {
      parent_->write(make_entry(++written_));
      if (!plan_.publishes_once) publish();
    }
    if (plan_.publishes_once) publish();
  }

  void publish() {
    {
      const Weakened weakened(plan_.publish);
      machine().expect(parent_->publish() == Honesty::honest, "the gate looks impossible");
    }
    wake_worker();
  }

  void wake_worker() {
    if (needs_wake()) Platform::wake(parent_->bell(), 1);
  }

  bool needs_wake() {
    const Weakened weakened(plan_.wake);
    return parent_->needs_wake();
  }

  void collect() {
    for (pool::Completion copy; next_ <= plan_.tasks; ++next_) {
      const Weakened weakened(plan_.peek);
      const auto [honesty, has_completion] = parent_->peek(next_, copy);
      machine().expect(honesty == Honesty::honest, "a completion looks forged");
      if (!has_completion) return;
      machine().expect(has_result_of(copy, next_), "a task has a wrong result");
      parent_->release();
      states_[next_] = State::done;
    }
  }

  // The worker is dead.
  void settle() {
    has_died_ = true;
    if (!plan_.forgets_final_look) collect();
    if (next_ <= plan_.tasks && parent_->taken() == next_) states_[next_++] = State::lost;
    while (next_ <= plan_.tasks) states_[next_++] = State::untouched;
  }

  Plan plan_;
  Shared shared_;
  pool::Board<Platform> board_;
  Event leader_bell_{"leader bell"};
  Event service_bell_{"service bell"};
  std::optional<Event> death_;
  std::optional<pool::ParentMailbox<Platform>> parent_;
  std::optional<Worker> worker_;
  Deeds deeds_;
  std::array<State, kMostTasks + 1> states_;
  unsigned next_ = 1;     // the ticket whose result comes next
  unsigned written_ = 0;  // the ticket written last
  bool has_died_ = false;
};

constexpr Plan kOneByOne{.tasks = 3, .ahead = 1};
constexpr Plan kAhead{.tasks = 3, .ahead = 3};
// The indices pass from the largest number to zero.
constexpr Plan kBatch{.tasks = 3, .ahead = 3, .first_index = ~1U, .publishes_once = true};

TEST(ModelMailboxTest, HoldsInEveryExecutionOfOneTask) {
  MailboxScenario scenario({.tasks = 1});
  expect_no_failure(scenario, "one task", Exhaustive::Bounds{.preemptions = 3});
}

TEST(ModelMailboxTest, HoldsInEveryExecutionOfTwoTasks) {
  MailboxScenario scenario({.tasks = 2, .ahead = 2});
  expect_no_failure(scenario, "two tasks", Exhaustive::Bounds{.preemptions = 2});
}

TEST(ModelMailboxTest, HoldsInEveryExecutionOfThreeTasks) {
  MailboxScenario scenario(kAhead);
  expect_no_failure(scenario, "three tasks", Exhaustive::Bounds{.surprises = 1});
}

TEST(ModelMailboxTest, HoldsInRandomExecutionsOneByOne) {
  MailboxScenario scenario(kOneByOne);
  expect_no_failure(scenario, "one by one", Random::Options{.executions = 1'200'000});
}

TEST(ModelMailboxTest, HoldsInRandomExecutionsWithTasksAhead) {
  MailboxScenario scenario(kAhead);
  expect_no_failure(scenario, "tasks ahead", Random::Options{.executions = 1'200'000});
}

TEST(ModelMailboxTest, HoldsInRandomExecutionsWithBatches) {
  MailboxScenario scenario(kBatch);
  expect_no_failure(scenario, "batches", Random::Options{.executions = 1'200'000});
}

class ModelMailboxMutant : public testing::TestWithParam<Mutant<Plan>> {};

TEST_P(ModelMailboxMutant, IsCaught) {
  MailboxScenario scenario(GetParam().plan);
  expect_caught(scenario, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ModelMailboxMutant,
    testing::Values(
        mutant("RelaxedPublish", kAhead, [](Plan& plan) { plan.publish.stores = true; }),
        mutant("RelaxedTake", kAhead, [](Plan& plan) { plan.worker.take.loads = true; }),
        mutant("RelaxedComplete", kAhead, [](Plan& plan) { plan.worker.complete.stores = true; }),
        mutant("RelaxedPeek", kAhead, [](Plan& plan) { plan.peek.loads = true; }),
        mutant("NoFenceInNeedsWake", kOneByOne, [](Plan& plan) { plan.wake.fences = true; }),
        mutant("NoFenceInSleep", kOneByOne, [](Plan& plan) { plan.worker.sleep.fences = true; }),
        mutant("NoFenceInPost", kOneByOne, [](Plan& plan) { plan.post.fences = true; }),
        mutant("NoFenceInRead", kOneByOne, [](Plan& plan) { plan.worker.ring.fences = true; }),
        mutant("UncountedBell", kOneByOne, [](Plan& plan) { plan.has_deaf_bell = true; }),
        mutant("UnwrittenTaken", kAhead, [](Plan& plan) { plan.has_no_taken = true; }),
        mutant("NoFinalLook", kAhead, [](Plan& plan) { plan.forgets_final_look = true; }),
        mutant("NeverRings", kAhead, [](Plan& plan) { plan.worker.never_rings = true; })),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace shoal::model
