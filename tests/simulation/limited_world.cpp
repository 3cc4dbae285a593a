// SPDX-License-Identifier: Apache-2.0
// Users, workers and time.
#include "simulation/limited_world.hpp"

#include <algorithm>

namespace shoal::pool::simulation {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kMostWorkers = 4;
constexpr unsigned kMostSteps = 300'000;

Duration between(Random& random, Duration least, Duration most) {
  const auto span = static_cast<std::uint32_t>((most - least) / 1us);
  return least + random.between(0, span) * 1us;
}

}  // namespace

DispatchRules LimitedWorld::draw_rules(Random& random) {
  DispatchRules rules;
  rules.max_workers = random.between(1, kMostWorkers);
  if (random.chance(3000)) rules.task_timeout = between(random, 500us, 20ms);
  if (random.chance(6000)) rules.grace = between(random, 1ms, 5ms);
  if (random.chance(3000)) rules.crash_retries = random.between(1, 2);
  if (random.chance(3000)) rules.max_tasks_per_child = random.between(1, 5);
  if (random.chance(2000)) rules.max_age_per_child = between(random, 1ms, 30ms);
  if (random.chance(3000)) rules.max_queued = random.between(1, 6);
  if (random.chance(3000)) rules.restart = {.restarts = random.between(1, 3), .within = 1s};
  return rules;
}

LimitedWorld::LimitedWorld(std::uint64_t seed, Trace& trace, Tally& tally)
    : random_(seed),
      trace_(trace),
      tally_(tally),
      rules_(draw_rules(random_)),
      workers_(kMostWorkers),
      tasks_(random_.between(3, 40)),
      wanted_(rules_.max_workers),
      death_(random_.chance(5000) ? random_.between(1, 200) : 0),
      hang_(random_.chance(7000) ? random_.between(1, 2000) : 0),
      dispatcher_(*this, rules_) {
  for (int i = 0; i < 2; ++i) {
    functions_.emplace_back(internal::CallTarget{nullptr, 0, 0, "task"}, FunctionSlot{});
  }
  for (WorkerIndex index = 0; index < wanted_; ++index) {
    workers_[index].process = LimitedWorker::Process::starting;
    dispatcher_.expect_start(index);
  }
}

void LimitedWorld::run() {
  for (unsigned steps = 0; !(is_closed_ && dispatcher_.is_drained() && !dispatcher_.has_workers());
       ++steps) {
    expect(steps < kMostSteps, "a closed pool ends, and its tasks with it");
    ++tally_.steps;
    const std::uint32_t turn = random_.below(100);
    const WorkerIndex index = random_.below(kMostWorkers);
    if (turn < 55) {
      live(index);
    } else if (turn < 70) {
      act();
    } else if (turn < 80) {
      collect_all();
    } else if (turn < 90) {
      serve(index);
    } else {
      pass_time();
    }
    check();
  }
  for (const LimitedStory& story : stories_) {
    expect(story.announcements == 1, "every task gets a final status");
  }
}

// --- users --------------------------------------------------------------------------------------

void LimitedWorld::act() {
  if (!questions_.empty() && random_.chance(3000)) return answer();
  const std::uint32_t turn = random_.below(1000);
  if (turn < 30) return cancel();
  if (is_closed_) {
    if (turn > 990) close();
    return;
  }
  if (turn < 40) return resize();
  if (turn < 42 || (tasks_ == 0 && turn < 80)) return close();
  if (random_.chance(7000)) return;
  for (unsigned i = random_.between(1, 4); i > 0 && tasks_ > 0 && !waits_for_room_; --i) submit();
}

TaskOptions LimitedWorld::draw_options() {
  TaskOptions options;
  if (random_.chance(4000)) options.timeout = between(random_, 500us, 20ms);
  if (random_.chance(1500)) options.expires = between(random_, 100us, 20ms);
  if (random_.chance(3000)) options.priority = static_cast<int>(random_.below(4)) - 1;
  if (random_.chance(5000)) options.retries = random_.between(1, 3);
  if (random_.chance(4000)) options.backoff = between(random_, 100us, 5ms);
  if (random_.chance(2000)) options.jitter = 0.5;
  if (random_.chance(3000)) options.retry_if = [](const auto&) { return true; };
  return options;
}

void LimitedWorld::submit() {
  if (!dispatcher_.has_room_for(0)) {
    note("waits for room");
    waits_for_room_ = true;
    return dispatcher_.on_wait_for_room();
  }
  --tasks_;
  ++tally_.tasks;
  LimitedStory& story = stories_.emplace_back();
  story.number = static_cast<unsigned>(stories_.size());
  story.task = std::make_shared<Task>(functions_[random_.below(2)], Payload());
  story.task->waiters = &everybody_;
  if (random_.chance(7000))
    story.task->policy = std::make_shared<const TaskOptions>(draw_options());
  story.submitted_at = now_;
  story.waits = true;
  by_task_[story.task.get()] = &story;
  note("submit", Trace::kNobody, &story);
  dispatcher_.on_submit(story.task);
}

void LimitedWorld::cancel() {
  if (stories_.empty()) return;
  LimitedStory& story = stories_[random_.below(static_cast<std::uint32_t>(stories_.size()))];
  const bool reaches_running = random_.chance(6000);
  note(reaches_running ? "cancel, also if it runs," : "cancel", Trace::kNobody, &story);
  if (reaches_running) collect_all();
  const bool was_done = story.task->is_done();
  being_cancelled_ = &story;
  const bool is_cancelled =
      dispatcher_.on_cancel(*story.task, reaches_running ? Cancel::running : Cancel::queued);
  being_cancelled_ = nullptr;
  expect(!was_done || !is_cancelled, "what is done is not cancelled");
  // Two may be done behind each other, of which one is news.
  const auto holder = dispatcher_.holder_of(*story.task);
  const bool has_ended = holder && !workers_[*holder].results.empty();
  expect(is_cancelled || was_done || !reaches_running || has_ended, "what runs can be cancelled");
  story.is_cancelled = story.is_cancelled || is_cancelled;
}

void LimitedWorld::resize() {
  wanted_ = random_.between(1, kMostWorkers);
  note("resize");
  dispatcher_.on_resize(wanted_);
}

void LimitedWorld::close() {
  is_closed_ = true;
  ends_ = ends_ || random_.chance(2000);
  cancels_ = cancels_ || ends_ || random_.chance(3000);
  note(ends_ ? "end all workers" : cancels_ ? "close, cancelling" : "close");
  if (!ends_) return dispatcher_.on_close(cancels_);
  dispatcher_.on_end_workers();
  for (LimitedWorker& worker : workers_) {
    worker.is_killed = worker.is_killed || worker.process == LimitedWorker::Process::alive;
  }
}

void LimitedWorld::answer() {
  const TaskRef task = questions_.back();
  questions_.pop_back();
  const bool runs_again = random_.chance(7000);
  LimitedStory& story = story_of(*task);
  note(runs_again ? "is to run again:" : "is not to run again:", Trace::kNobody, &story);
  story.may_begin = runs_again;
  dispatcher_.on_answer(task, runs_again);
}

// --- workers ------------------------------------------------------------------------------------

void LimitedWorld::live(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  if (worker.process == LimitedWorker::Process::starting) return come(index);
  if (worker.process != LimitedWorker::Process::alive) return;
  if ((worker.is_killed && random_.chance(5000)) || random_.chance(death_)) return die(index);
  if (worker.is_running) {
    const bool heeds = worker.is_asked && worker.heeds && random_.chance(3000);
    if (heeds || now_ >= worker.finishes_at) end_task(index);
  } else if (worker.taken > worker.results.size()) {
    begin_task(index);
  } else if (worker.taken < worker.published) {
    worker.entries[worker.taken++].taken_at = now_;
  } else if (worker.is_let_go) {
    die(index);
  }
}

void LimitedWorld::come(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  if (random_.chance(5000)) return;
  note("starts", index);
  worker.process = LimitedWorker::Process::alive;
  worker.is_killed = ends_;
  dispatcher_.on_started(index);
}

void LimitedWorld::begin_task(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  const LimitedWorker::Entry& entry = worker.entries[worker.results.size()];
  LimitedStory& story = *entry.story;
  note("begins", index, &story);
  const Task& task = *story.task;
  expect(task.status() == Task::Status::running, "user code runs for a running task only");
  expect(story.may_begin, "a task runs again after a loss, a time-out or its user's word only");
  expect(++story.runs <= 1 + std::max(task.retries(), rules_.crash_retries),
         "a task runs as often as is allowed");
  expect(!story.is_cancelled || worker.is_killed, "what was cancelled does not begin");
  const Duration expires = task.policy == nullptr ? forever : task.policy->expires;
  expect(story.runs > 1 || expires == forever || entry.taken_at < story.submitted_at + expires,
         "what has expired does not begin");
  tally_.retried += story.runs > 1 ? 1 : 0;
  story.may_begin = story.was_lost = false;
  worker.is_running = true;
  worker.begun = entry.ticket;
  worker.begun_at = now_;
  worker.is_asked = false;
  worker.looks = random_.chance(4000);
  worker.heeds = random_.chance(6000);
  const bool is_short = task.function == &functions_[0];
  worker.finishes_at =
      now_ +
      (random_.chance(hang_) ? 200ms : between(random_, 1us, is_short ? 20us : Duration(3ms)));
}

void LimitedWorld::end_task(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  LimitedStory& story = *worker.entries[worker.results.size()].story;
  note("completes", index, &story);
  story.has_result = true;
  worker.is_running = false;
  worker.results.push_back(random_.chance(1500) ? Task::Status::raised : Task::Status::finished);
}

void LimitedWorld::die(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  note("dies", index);
  ++tally_.deaths;
  worker.process = LimitedWorker::Process::dead;
  if (!worker.is_running) return;
  const LimitedWorker::Entry& entry = worker.entries[worker.results.size()];
  expect(worker.victim == 0 || worker.victim == entry.ticket,
         "nobody is lost to what somebody else's task is ended for");
}

// --- what the parent notices --------------------------------------------------------------------

std::size_t LimitedWorld::collect(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  std::size_t count = 0;
  for (; !worker.results.empty(); ++count) {
    const LimitedWorker::Entry entry = worker.entries.front();
    Completed completed;
    completed.status = worker.results.front();
    completed.nanoseconds = 5'000;
    worker.entries.pop_front();
    worker.results.pop_front();
    --worker.published;
    --worker.taken;
    worker.front_since = now_;
    LimitedStory& story = *entry.story;
    // It may have heeded, and run again for that.
    story.may_begin = story.was_over_time && worker.is_asked && worker.begun == entry.ticket;
    note("has its result taken:", index, &story);
    dispatcher_.on_completed(index, std::move(completed));
  }
  return count;
}

void LimitedWorld::collect_all() {
  std::size_t count = 0;
  for (WorkerIndex index = 0; index < workers_.size(); ++index) count += collect(index);
  if (count > 0) dispatcher_.on_collected();
}

void LimitedWorld::serve(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  if (worker.process == LimitedWorker::Process::alive && !worker.has_come) {
    note("is heard to be ready", index);
    worker.has_come = true;
    return dispatcher_.on_ready(index);
  }
  if (worker.process != LimitedWorker::Process::dead) return;
  note("is seen to have ended", index);
  dispatcher_.on_deaf(index);
  collect(index);
  WorkerEnd end;
  end.taken = worker.begun;
  end.raise = [](const Task&) { throw WorkerLostError("gone", WorkerLoss{}); };
  for (const LimitedWorker::Entry& entry : worker.entries) {
    LimitedStory& story = *entry.story;
    if (entry.ticket > worker.begun) {
      story.waits = true;
      ++tally_.requeued;
      continue;
    }
    story.was_lost = story.may_begin = true;
    ++tally_.lost;
  }
  const std::uint64_t incarnation = worker.incarnation + 1;
  worker = {};
  worker.incarnation = incarnation;
  dispatcher_.on_ended(index, std::move(end));
}

// --- time ---------------------------------------------------------------------------------------

void LimitedWorld::pass_time() {
  const TimePoint until =
      random_.chance(5000) ? next_moment() : now_ + Duration(1LL << random_.between(8, 21));
  while (run_out(until)) check();
  now_ = std::max(now_, until);
  check_times();
}

LimitedWorld::TimePoint LimitedWorld::next_moment() const {
  TimePoint next = now_ + 4ms;
  for (const Look& watch : watches_) next = std::min(next, watch.at);
  for (const TimePoint at : alarms_) next = std::min(next, at);
  if (stall_at_) next = std::min(next, *stall_at_);
  for (const LimitedWorker& worker : workers_) {
    if (worker.is_running && worker.finishes_at > now_) next = std::min(next, worker.finishes_at);
  }
  return std::max(next, now_);
}

// The first timer that is due until then; false if there is none.
bool LimitedWorld::run_out(TimePoint until) {
  const auto watch = std::ranges::min_element(watches_, {}, &Look::at);
  const auto alarm = std::ranges::min_element(alarms_);
  const TimePoint watch_at = watch == watches_.end() ? TimePoint::max() : watch->at;
  const TimePoint alarm_at = alarm == alarms_.end() ? TimePoint::max() : *alarm;
  const TimePoint stall_at = stall_at_.value_or(TimePoint::max());
  const TimePoint first = std::min({watch_at, alarm_at, stall_at});
  if (first > until) return false;
  now_ = std::max(now_, first);
  if (first == stall_at) {
    stall_at_.reset();
    dispatcher_.on_stall();
  } else if (first == alarm_at) {
    alarms_.erase(alarm);
    dispatcher_.on_alarm();
  } else {
    const WorkerIndex index = watch->worker;
    watches_.erase(watch);
    dispatcher_.on_watch(index);
  }
  return true;
}

std::string run_limited_history(std::uint64_t seed, Trace& trace, Tally& tally) {
  trace.clear();
  ++tally.histories;
  try {
    LimitedWorld(seed, trace, tally).run();
    return {};
  } catch (const RuleBroken& broken) {
    return broken.rule;
  }
}

}  // namespace shoal::pool::simulation
