// SPDX-License-Identifier: Apache-2.0
#include "simulation/world.hpp"

#include <algorithm>

namespace shoal::pool::simulation {
namespace {

constexpr unsigned kStepsBeforeCalm = 4'000;
constexpr unsigned kMostSteps = 1'000'000;  // far more than a history takes

}  // namespace

World::World(std::uint64_t seed, Trace& trace, Tally& tally)
    : random_(seed),
      scenario_(random_),
      trace_(trace),
      tally_(tally),
      workers_(scenario_.workers),
      oracle_(workers_, scenario_.functions.size(), tally),
      dispatcher_(*this, scenario_.workers) {
  for (std::size_t i = 0; i < scenario_.functions.size(); ++i) {
    functions_.emplace_back(internal::CallTarget{nullptr, 0, 0, "task"}, FunctionSlot{});
  }
  for (WorkerIndex index = 0; index < scenario_.workers; ++index) {
    workers_[index].process = FakeWorker::Process::starting;
    workers_[index].is_expected = true;
    dispatcher_.expect_start(index);
  }
}

void World::run() {
  for (; !oracle_.is_over() || dispatcher_.has_workers(); ++steps_) {
    expect(steps_ < kMostSteps, "a closed pool ends, and its tasks with it");
    if (steps_ == kStepsBeforeCalm) settle_down();
    step();
  }
  tally_.steps += steps_;
  oracle_.check_end(dispatcher_, stories_, maps_);
}

// Whose turn it is.
void World::step() {
  const std::uint32_t sum = scenario_.user_pace + scenario_.worker_pace + scenario_.collector_pace +
                            scenario_.service_pace + scenario_.time_pace;
  std::uint32_t turn = random_.below(sum);
  if (turn < scenario_.worker_pace) return live(any_worker());
  turn -= scenario_.worker_pace;
  if (turn < scenario_.user_pace) return act();
  turn -= scenario_.user_pace;
  if (turn < scenario_.collector_pace) return collect();
  turn -= scenario_.collector_pace;
  if (turn < scenario_.service_pace) return serve(any_worker());
  pass_time();
}

void World::after_event() {
  ++tally_.events;
  oracle_.check(dispatcher_, now_);
}

// Whoever operates the machine puts an end to faults, so that everything has to come to its end.
void World::settle_down() {
  note("no faults from now on");
  is_calm_ = true;
  scenario_.calm();
}

// --- time ---------------------------------------------------------------------------------------

void World::pass_time() {
  const std::uint32_t most = random_.chance(1500) ? 22 : 15;
  const std::int64_t until =
      random_.chance(4000) ? next_moment() : now_ + (1LL << random_.between(7, most));
  for (;;) {
    const auto next = std::ranges::min_element(timers_, {}, &Timer::due);
    if (next == timers_.end() || next->due > until) break;
    const Timer timer = *next;
    timers_.erase(next);
    now_ = std::max(now_, timer.due);
    expire(timer);
    oracle_.check_stalls(now_);
  }
  now_ = std::max(now_, until);
  oracle_.check_stalls(now_);
}

// When the next timer runs out or the next task is done.
std::int64_t World::next_moment() {
  std::int64_t next = now_ + (1LL << 22);
  for (const Timer& timer : timers_) next = std::min(next, timer.due);
  for (const FakeWorker& worker : workers_) {
    const bool runs = worker.doing == FakeWorker::Doing::running;
    if (runs && worker.finishes_at > now_) next = std::min(next, worker.finishes_at);
  }
  return next;
}

void World::expire(Timer timer) {
  FakeWorker& worker = workers_[timer.worker];
  if (timer.kind == Timer::Kind::stall) {
    note("the stall timer runs out");
    is_stall_timer_set_ = false;
    is_looking_for_stalls_ = true;
    dispatcher_.on_stall();
    is_looking_for_stalls_ = false;
    return after_event();
  }
  if (timer.incarnation != worker.incarnation) return;
  if (timer.kind == Timer::Kind::kill) return kill(timer.worker);
  if (worker.process != FakeWorker::Process::delayed) return;
  if (!oracle_.is_over()) {
    worker.process = FakeWorker::Process::starting;
    return;
  }
  worker.process = FakeWorker::Process::none;
  oracle_.on_start_failed(timer.worker);
  dispatcher_.on_start_failed(timer.worker, "the pool has been shut down");
  after_event();
}

std::string run_history(std::uint64_t seed, Trace& trace, Tally& tally) {
  trace.clear();
  ++tally.histories;
  try {
    World(seed, trace, tally).run();
    return {};
  } catch (const RuleBroken& broken) {
    return broken.rule;
  }
}

}  // namespace shoal::pool::simulation
