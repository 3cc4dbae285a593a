// SPDX-License-Identifier: Apache-2.0
// The dispatcher: time limits, further attempts, and workers that are worn out.
#include <algorithm>
#include <new>
#include <utility>

#include "pool/dispatcher.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

using TimePoint = DispatchPort::TimePoint;

// `delay` after `start`, as far as that can be counted.
TimePoint after(TimePoint start, Duration delay) noexcept {
  return delay < TimePoint::max() - start ? start + delay : TimePoint::max();
}

std::string in_seconds(Duration time) {
  return std::to_string(std::chrono::duration<double>(time).count()) + " s";
}

auto throw_timeout(std::string what) {
  return [what = std::move(what)] { throw TaskTimeoutError(what); };
}

}  // namespace

// --- workers that are worn out ------------------------------------------------------------------

bool Dispatcher::is_spent(WorkerIndex index) const noexcept {
  return rules_.max_tasks_per_child > 0 && lives_[index].served >= rules_.max_tasks_per_child;
}

void Dispatcher::on_worn(WorkerIndex index) {
  wear_out(index);
  pump();
}

// Has a worker leave once it has done what it runs.
void Dispatcher::wear_out(WorkerIndex index) {
  if (!supervisor_.is_ready(index) || supervisor_.is_worn(index)) return;
  supervisor_.on_worn(index);
  leave_idle(index);
  if (hands_[index].empty()) return let_go(index);
  while (hands_[index].prefetched() > 0 && take_back_youngest(index)) continue;
}

void Dispatcher::let_go(WorkerIndex index) {
  if (supervisor_.dismiss(index)) port_.dismiss(index);
}

void Dispatcher::on_broken(const std::string& reason) {
  supervisor_.on_broken(reason);
  pump();
}

// --- time limits --------------------------------------------------------------------------------

Duration Dispatcher::timeout_of(const Task& task) const noexcept {
  const Duration own = task.policy == nullptr ? forever : task.policy->timeout;
  return own == forever ? rules_.task_timeout : own;
}

// Asks for a look at a worker at that time, unless one comes before.
void Dispatcher::watch(WorkerIndex index, TimePoint at) {
  if (at >= lives_[index].watched_until) return;
  port_.set_watch(index, at);
  lives_[index].watched_until = at;
}

void Dispatcher::on_watch(WorkerIndex index) {
  const TimePoint now = port_.now();
  Life& life = lives_[index];
  if (now < life.watched_until) return;  // asked for by what has come to its end since
  life.watched_until = TimePoint::max();
  if (rules_.max_age_per_child != forever && supervisor_.takes_tasks(index)) {
    const TimePoint old_at = after(life.ready_at, rules_.max_age_per_child);
    if (old_at <= now) {
      wear_out(index);
    } else {
      watch(index, old_at);
    }
  }
  if (!hands_[index].empty()) check_time(index, now);
  pump();
}

// Ends the task that a worker runs if its time is up; else looks again later.
void Dispatcher::check_time(WorkerIndex index, TimePoint now) {
  Life& life = lives_[index];
  const Task& task = hands_[index].front();
  if (life.doomed == task.ticket) {
    if (!life.is_asked) return;
    return now < life.kill_at ? watch(index, life.kill_at) : end_worker(index);
  }
  const Duration shortest = shortest_timeout(index);
  if (shortest == forever) return;
  const TimePoint next = now + std::clamp(shortest, kLeastWatch, kLongestWatch);
  const Duration timeout = timeout_of(task);
  if (timeout == forever) return watch(index, next);
  const std::optional<TimePoint> begin = begun(index, task);
  if (!begin) return has_patience(index, task, now) ? watch(index, next) : end_idle(index);
  const TimePoint end = after(*begin, timeout);
  const bool is_alone = hands_[index].prefetched() == 0;
  if (now < end) return watch(index, std::min(end, is_alone ? now + kLongestWatch : next));
  if (!end_task(index, Reason::timed_out)) watch(index, next);
}

// Of all in a worker's hands: any of them may be the one that runs by the time of the next look.
Duration Dispatcher::shortest_timeout(WorkerIndex index) const noexcept {
  Duration shortest = forever;
  for (const TaskRef& task : hands_[index].tasks()) {
    shortest = std::min(shortest, timeout_of(*task));
  }
  return shortest;
}

// A worker's word may only make a task older than it was when it was first seen running. An element
// of a map's part begins again and again, but no more often than there are elements.
std::optional<TimePoint> Dispatcher::begun(WorkerIndex index, const Task& task) {
  const std::optional<TimePoint> said = port_.begun(index, task);
  Life& life = lives_[index];
  if (life.begun_ticket != task.ticket) {
    if (!said) return std::nullopt;
    life.begun_ticket = task.ticket;
    life.begun_at = *said;
  }
  if (said) life.begun_at = std::min(life.begun_at, *said);
  if (task.part == nullptr || !said) return life.begun_at;
  TimePoint latest = life.begun_at;
  const Duration timeout = timeout_of(task);
  const auto before = static_cast<Duration::rep>(task.part->count - 1);
  latest = before > 0 && timeout > Duration::max() / before ? TimePoint::max()
                                                            : after(latest, timeout * before);
  return std::min(*said, latest);
}

// False once a worker has had a task with a time-out at its front for all of that time, and has not
// begun it by its own word: it is stopped, or it hides what it runs.
bool Dispatcher::has_patience(WorkerIndex index, const Task& task, TimePoint now) {
  Life& life = lives_[index];
  if (life.idle_ticket != task.ticket) {
    life.idle_ticket = task.ticket;
    life.idle_since = now;
  }
  return now < after(life.idle_since, std::max(timeout_of(task), kLeastPatience));
}

// Ends a worker that does not begin what it was handed. What it has not even taken runs elsewhere.
void Dispatcher::end_idle(WorkerIndex index) {
  while (hands_[index].prefetched() > 0 && take_back_youngest(index)) continue;
  if (hands_[index].prefetched() > 0) return watch(index, port_.now() + kLeastWatch);
  if (!take_back_youngest(index)) {
    end_task(index, Reason::timed_out);
    return;
  }
  leave_idle(index);
  end_worker(index);
}

// Ends the task that a worker runs: by asking it, where it looks whether it is asked, else with the
// worker. False if the worker has gone on to the next: then the result is here.
bool Dispatcher::end_task(WorkerIndex index, Reason reason) {
  Hands& hands = hands_[index];
  Life& life = lives_[index];
  Task& task = hands.front();
  if (life.doomed == task.ticket) {
    if (reason == Reason::cancelled) life.reason = reason;  // then it does not run again, either
    return true;
  }
  while (hands.prefetched() > 0 && take_back_youngest(index)) continue;
  if (hands.prefetched() > 0) return false;
  life.doomed = task.ticket;
  life.reason = reason;
  life.is_asked = false;
  task.expected_ns = RunTimes::kUnknown;  // nothing goes behind it
  const bool is_alone = task.part == nullptr || task.part->count == 1;
  if (!is_alone || rules_.grace <= Duration::zero() || !port_.ask_to_stop(index, task)) {
    end_worker(index);
    return true;
  }
  life.is_asked = true;
  life.kill_at = after(port_.now(), rules_.grace);
  watch(index, life.kill_at);
  return true;
}

void Dispatcher::end_worker(WorkerIndex index) {
  lives_[index].is_asked = false;
  supervisor_.on_deaf(index);
  port_.kill(index);
}

// --- further attempts ---------------------------------------------------------------------------

unsigned Dispatcher::retries(const Task& task, Reason reason) const noexcept {
  if (reason == Reason::cancelled || cancels_) return 0;
  if (reason == Reason::timed_out) return task.retries();
  return std::max(task.retries(), rules_.crash_retries);
}

// Has a task run again, which is safe, unless it has been run too often; of a part whose first
// `done` elements have a value, the one behind them.
bool Dispatcher::run_again(const TaskRef& task, std::optional<std::size_t> done, unsigned allowed) {
  if (task->attempt > allowed || (task->part != nullptr && task->part->is_dropped)) return false;
  TaskRef again = task;
  if (done) {
    try {
      if (*done > 0) again = split(*task, *done);
    } catch (const std::bad_alloc&) {
      return false;
    }
    if (again->part->count > 1) split_off(*again, 1);  // else all of it is run as one
    again->attempt = task->attempt;
  }
  const Duration pause = pause_before(*again);
  if (pause > Duration::zero()) {
    delay(again, pause);
  } else {
    requeue(again);
  }
  if (again == task) return true;
  task->part->done = *done;
  settle(*task, Task::Status::finished);
  return true;
}

Duration Dispatcher::pause_before(const Task& task) {
  if (task.policy == nullptr) return Duration::zero();
  random_ = random_ * 6364136223846793005U + 1442695040888963407U;
  const double random = static_cast<double>(random_ >> 11) / static_cast<double>(1ULL << 53);
  return pool::pause_before(*task.policy, task.attempt, random);
}

// Without the memory to wait for its time it comes at once.
void Dispatcher::delay(TaskRef task, Duration pause) {
  task->set_running(false);
  try {
    delayed_.emplace(after(port_.now(), pause), task);
  } catch (const std::bad_alloc&) {
    return requeue(std::move(task));
  }
  set_alarm();
}

// Has the user asked whether the task, which has thrown, is run again; false, and nothing has
// changed, without the memory for that.
bool Dispatcher::ask_user(const TaskRef& task, Completed& completed) {
  try {
    task->thrown = std::make_unique<Payload>(std::move(completed.result));
    port_.ask_user(task);
  } catch (const std::bad_alloc&) {
    if (task->thrown != nullptr) completed.result = std::move(*task->thrown);
    task->thrown = nullptr;
    return false;
  }
  task->set_running(false);
  ++undecided_;
  return true;
}

bool Dispatcher::asks_user(WorkerIndex index, const Task& task,
                           const Completed& completed) const noexcept {
  const Life& life = lives_[index];
  if (life.doomed == task.ticket && life.reason == Reason::cancelled) return false;
  return completed.status == Task::Status::raised && task.part == nullptr &&
         task.policy != nullptr && task.policy->retry_if != nullptr &&
         task.attempt <= task.retries() && !cancels_;
}

void Dispatcher::on_answer(const TaskRef& task, bool runs_again) {
  const auto thrown = std::move(task->thrown);
  if (task->is_done()) return;  // it was cancelled meanwhile
  --undecided_;
  if (!runs_again || !run_again(task, std::nullopt, cancels_ ? 0 : task->retries())) {
    task->payload = std::move(*thrown);
    settle(*task, Task::Status::raised);
  }
  pump();
}

// Says why a task that was running has no result.
void Dispatcher::give_up(const TaskRef& task, Reason reason) {
  if (reason == Reason::cancelled) return settle(*task, Task::Status::cancelled);
  ++totals_.failed;
  task->fail_by_made([&] {
    return throw_timeout("task " + task->name() + " (attempt " + std::to_string(task->attempt) +
                         ") was ended: it ran for longer than its time-out of " +
                         in_seconds(timeout_of(*task)) +
                         " (TaskOptions::timeout, PoolOptions::task_timeout)");
  });
  settle(*task, Task::Status::failed);
}

// --- what waits for its time --------------------------------------------------------------------

void Dispatcher::watch_expiry(const TaskRef& task) {
  if (task->policy->expires == forever) return;
  TimePoint& at = task->expires_at;  // of what splits off a map, as it was
  if (at == TimePoint::max()) at = after(port_.now(), task->policy->expires);
  if (at == TimePoint::max()) return;
  forget_expiries();
  expiries_.emplace(at, task);
  set_alarm();
}

// An entry keeps its task's memory. Those of tasks that are done go each time the list has doubled.
void Dispatcher::forget_expiries() {
  constexpr std::size_t kFew = 64;
  if (expiries_.size() < expiries_swept_at_) return;
  std::erase_if(expiries_, [](const auto& entry) {
    const TaskRef task = entry.second.lock();
    return task == nullptr || task->is_done();
  });
  expiries_swept_at_ = std::max(kFew, 2 * expiries_.size());
}

void Dispatcher::set_alarm() {
  TimePoint next = TimePoint::max();
  if (!delayed_.empty()) next = delayed_.begin()->first;
  if (!expiries_.empty()) next = std::min(next, expiries_.begin()->first);
  if (next >= alarm_at_) return;
  alarm_at_ = next;
  port_.set_alarm(next);
}

void Dispatcher::on_alarm() {
  const TimePoint now = port_.now();
  if (now < alarm_at_) return;
  alarm_at_ = TimePoint::max();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    requeue(std::move(delayed_.extract(delayed_.begin()).mapped()));
  }
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const TaskRef task = expiries_.extract(expiries_.begin()).mapped().lock();
    if (task != nullptr) expire(*task);
  }
  set_alarm();
  pump();
}

void Dispatcher::expire(Task& task) {
  const int before = task.attempt - (task.status() == Task::Status::running ? 1 : 0);
  if (before > 0) return;  // it has begun before, and is to run again
  if (withdraw(task)) fail_expired(task);
}

// True if it is too late to begin a task, for the first time.
bool Dispatcher::is_expired(const Task& task) {
  return task.attempt == 0 && task.expires_at != TimePoint::max() &&
         task.expires_at <= port_.now();
}

void Dispatcher::fail_expired(Task& task) {
  ++totals_.failed;
  task.fail_by_made([&] {
    return throw_timeout("task " + task.name() + " has expired: no worker began it within " +
                         in_seconds(task.policy->expires) + " of submit (TaskOptions::expires)");
  });
  settle(task, Task::Status::failed);
}

void Dispatcher::cancel_waiting() {
  const auto delayed = std::exchange(delayed_, {});
  for (const auto& [at, task] : delayed) settle(*task, Task::Status::cancelled);
  const auto expected = std::exchange(expected_, {});
  for (const auto& [key, task] : expected) settle(*task, Task::Status::cancelled);
}

}  // namespace shoal::pool
