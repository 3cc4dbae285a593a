// SPDX-License-Identifier: Apache-2.0
// What the dispatcher asks of the world with limits, and what must hold in it.
#include <algorithm>

#include "shoal/error.hpp"
#include "simulation/limited_world.hpp"

namespace shoal::pool::simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

Delivery LimitedWorld::deliver(WorkerIndex index, Task& task) {
  LimitedWorker& worker = workers_[index];
  LimitedStory& story = story_of(task);
  note("gets", index, &story);
  expect(worker.has_come && !worker.is_let_go, "tasks go to workers that are ready and stay");
  expect(worker.victim == 0, "nothing goes to a worker that is being ended");
  expect(index < wanted_, "nothing goes to a worker that is too many");
  expect(rules_.max_tasks_per_child == 0 || worker.served < rules_.max_tasks_per_child,
         "a worker gets so many tasks at most");
  check_order(story);
  story.waits = false;
  ++worker.served;
  if (worker.entries.empty()) worker.front_since = now_;
  worker.entries.push_back({&story, task.ticket, {}});
  return Delivery::done;
}

bool LimitedWorld::publish(WorkerIndex index) {
  workers_[index].published = workers_[index].entries.size();
  return true;
}

bool LimitedWorld::take_back(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  if (worker.published <= worker.taken) return false;
  LimitedStory& story = *worker.entries.back().story;
  note("gives back", index, &story);
  story.waits = true;
  worker.entries.pop_back();
  --worker.published;
  --worker.served;
  ++tally_.revocations;
  return true;
}

void LimitedWorld::start_worker(WorkerIndex index, Duration) {
  note("is to start", index);
  expect(workers_[index].process == LimitedWorker::Process::none, "a place has one worker at most");
  expect(!dispatcher_.is_broken(), "nobody is started for a broken pool");
  ++tally_.starts;
  workers_[index].process = LimitedWorker::Process::starting;
}

std::optional<LimitedWorld::TimePoint> LimitedWorld::begun(WorkerIndex index, const Task& task) {
  const LimitedWorker& worker = workers_[index];
  if (worker.begun != task.ticket) return std::nullopt;
  return worker.begun_at;
}

// From here on the task is known to be ended for a reason.
bool LimitedWorld::ask_to_stop(WorkerIndex index, const Task& task) {
  LimitedWorker& worker = workers_[index];
  if (!worker.is_running || worker.begun != task.ticket || !worker.looks) return false;
  LimitedStory& story = story_of(task);
  note("is asked to stop", index, &story);
  expect(&story == being_cancelled_ || is_over_time(worker), "a task within its time is not asked");
  story.was_over_time = story.was_over_time || is_over_time(worker);
  worker.is_asked = true;
  return true;
}

void LimitedWorld::kill(WorkerIndex index) {
  LimitedWorker& worker = workers_[index];
  expect(!worker.entries.empty(), "nobody is ended for nothing");
  LimitedStory& story = *worker.entries.front().story;
  note("is ended for", index, &story);
  const bool is_wanted = &story == being_cancelled_ || story.is_cancelled;
  expect(is_wanted || is_over_time(worker), "a task within its time is not ended");
  const bool is_polite =
      !worker.looks || rules_.grace <= 0ns || worker.is_asked || !worker.is_running;
  expect(is_polite, "a task that looks is asked first");
  expect(worker.entries.size() == 1, "what stands behind is taken back before");
  story.was_over_time = story.was_over_time || is_over_time(worker);
  worker.is_killed = true;
  worker.victim = worker.entries.front().ticket;
}

void LimitedWorld::announce(Task& task) {
  LimitedStory& story = story_of(task);
  note("ends", Trace::kNobody, &story);
  expect(task.is_done(), "what is announced is final");
  expect(++story.announcements == 1, "a task gets a final status once");
  story.waits = false;
  check_end(story);
}

// --- what must hold -----------------------------------------------------------------------------

void LimitedWorld::check_end(const LimitedStory& story) const {
  switch (story.task->status()) {
    case Task::Status::finished:
    case Task::Status::raised:
      return expect(story.has_result, "a result comes from a worker");
    case Task::Status::cancelled:
      ++tally_.cancelled;
      return expect(story.is_cancelled || &story == being_cancelled_ || cancels_,
                    "what is cancelled was to be cancelled");
    default:
      return check_failure(story);
  }
}

void LimitedWorld::check_failure(const LimitedStory& story) const {
  const Task& task = *story.task;
  expect(!story.is_cancelled, "what was cancelled ends as that");
  try {
    task.raise();
  } catch (const TaskTimeoutError&) {
    const Duration expires = task.policy == nullptr ? forever : task.policy->expires;
    const bool has_expired =
        story.runs == 0 && expires != forever && now_ >= story.submitted_at + expires;
    ++(has_expired ? tally_.expired : tally_.timed_out);
    expect(has_expired || story.was_over_time, "only what is too late or too long ends as that");
    expect(has_expired || cancels_ || story.runs > task.retries(),
           "what timed out runs again while it may");
  } catch (const WorkerLostError&) {
    expect(story.was_lost, "what is lost had begun when its worker died");
    const unsigned allowed = std::max(task.retries(), rules_.crash_retries);
    expect(cancels_ || story.was_over_time || story.runs > allowed,
           "what was lost runs again while it may");
  } catch (const BrokenPoolError&) {
    ++tally_.broken;
    expect(dispatcher_.is_broken(), "a pool is not broken for one task");
  }
}

// Of those that certainly wait, none of a higher priority is passed over.
void LimitedWorld::check_order(const LimitedStory& story) const {
  for (const LimitedStory& other : stories_) {
    expect(!other.waits || other.task->priority() <= story.task->priority(),
           "higher priorities go first");
  }
}

Duration LimitedWorld::timeout_of(const Task& task) const {
  const Duration own = task.policy == nullptr ? forever : task.policy->timeout;
  return own == forever ? rules_.task_timeout : own;
}

// The first task in the worker's hands, by what it says.
bool LimitedWorld::is_over_time(const LimitedWorker& worker) const {
  const LimitedWorker::Entry& front = worker.entries.front();
  const Duration timeout = timeout_of(*front.story->task);
  return timeout != forever && worker.begun == front.ticket && now_ >= worker.begun_at + timeout;
}

std::size_t LimitedWorld::in_hands() const {
  std::size_t count = 0;
  for (const LimitedWorker& worker : workers_) count += worker.entries.size();
  return count;
}

void LimitedWorld::check() {
  ++tally_.events;
  expect(dispatcher_.running() == in_hands(), "the dispatcher knows what is in hands");
  expect(!waits_for_room_ || dispatcher_.queued() > 0 || in_hands() > 0 || is_closed_,
         "who waits for room is told of it");
  for (WorkerIndex index = 0; index < wanted_; ++index) {
    const bool is_filled = workers_[index].process != LimitedWorker::Process::none;
    const bool is_over = is_closed_ && dispatcher_.is_drained();
    expect(is_filled || is_over || ends_ || dispatcher_.is_broken(), "who is gone is replaced");
  }
}

// Whoever runs is noticed before twice his time, and is gone after the grace time.
void LimitedWorld::check_times() const {
  for (const LimitedWorker& worker : workers_) {
    if (!worker.is_running || worker.is_killed || !worker.results.empty()) continue;
    const LimitedWorker::Entry& front = worker.entries.front();
    const Duration timeout = timeout_of(*front.story->task);
    if (timeout == forever || worker.process != LimitedWorker::Process::alive) continue;
    const Duration pause = std::max<Duration>(timeout, 1ms);
    const TimePoint since = std::max(worker.begun_at, worker.front_since);
    expect(now_ <= since + 2 * pause + rules_.grace, "a task beyond its time is ended");
  }
}

}  // namespace shoal::pool::simulation
