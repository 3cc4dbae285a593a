// SPDX-License-Identifier: Apache-2.0
#include "pool/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// Behind a worker with so many tasks, so many more may gather before they are handed over at once.
constexpr std::size_t kComfort = 8;
constexpr std::size_t kBatch = 8;

// A part of a map that could be made smaller.
bool is_chunk(const Task& task) noexcept { return task.part != nullptr && task.part->count > 1; }

// How long a task is expected to run; for a map's part, what would be handed over of it now.
std::uint32_t expected_ns(const Task& task) noexcept {
  const RunTimes& times = task.function->times;
  if (task.part == nullptr || times.slowest() == RunTimes::kUnknown) return times.slowest();
  const std::size_t count =
      std::min(task.part->count, times.items_in(Dispatcher::kChunkNanoseconds));
  const std::uint64_t all = std::uint64_t{count} * times.slowest();
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(all, RunTimes::kUnknown));
}

}  // namespace

// --- events from users --------------------------------------------------------------------------

void Dispatcher::on_submit(TaskRef task) {
  backlog_.push_back(std::move(task));
  ++queued_;
  if (!is_worth_waiting(*backlog_.back())) pump();
}

bool Dispatcher::on_cancel(Task& task) {
  for (WorkerIndex index = 0; task.status() == Task::Status::running; ++index) {
    if (index == hands_.size()) return false;
    if (!hands_[index].holds(task)) continue;
    if (!take_back(index, task)) {
      pump();
      return false;
    }
  }
  if (task.is_done()) return false;
  --queued_;  // what stands in the backlog is skipped when its turn comes
  settle(task, Task::Status::cancelled);
  pump();
  return true;
}

void Dispatcher::on_close(bool cancel_queued) {
  is_closed_ = true;
  if (cancel_queued) {
    for (WorkerIndex index = 0; index < hands_.size(); ++index) {
      while (!hands_[index].empty() && take_back_youngest(index)) continue;
    }
    while (const TaskRef task = next_queued()) settle(*task, Task::Status::cancelled);
  }
  pump();
}

// --- events from workers ------------------------------------------------------------------------

void Dispatcher::on_started(WorkerIndex index) {
  supervisor_.on_started(index);
  pump();
}

void Dispatcher::on_start_failed(WorkerIndex index, const std::string& reason) {
  if (is_closed_ && is_drained()) {
    supervisor_.vacate(index);
  } else {
    follow(index, supervisor_.on_start_failed(index, reason));
  }
  pump();
}

void Dispatcher::on_ready(WorkerIndex index) {
  if (!supervisor_.on_ready(index)) return;
  if (supervisor_.takes_tasks(index)) idle_.push_back(index);
  pump();
}

void Dispatcher::on_completed(WorkerIndex index, Completed completed) {
  Hands& hands = hands_[index];
  prefetched_ -= hands.size() > 1 ? 1 : 0;
  const TaskRef task = hands.pop_front();
  --running_;
  const bool has_error = completed.error_bytes > 0 || completed.status == Task::Status::raised;
  const std::size_t failed_items = task->part != nullptr && has_error ? 1 : 0;
  const std::size_t items =
      std::max<std::size_t>(1, task->part == nullptr ? 1 : completed.items + failed_items);
  task->function->times.record(completed.nanoseconds, items);
  task->payload = std::move(completed.result);
  if (task->part != nullptr) {
    task->part->error_bytes = completed.error_bytes;
    // Without room for the results nothing of them has a value, and nothing runs again.
    const bool is_without = completed.status == Task::Status::failed;
    const bool is_whole = end_early(*task, is_without ? 0 : completed.items, items);
    if (!is_whole && !has_error) completed.status = Task::Status::failed;
  }
  settle(*task, completed.status);
  favourite_ = index;
  if (hands.empty()) become_idle(index);
}

void Dispatcher::on_deaf(WorkerIndex index) {
  supervisor_.on_deaf(index);
  leave_idle(index);
  while (hands_[index].prefetched() > 0 && take_back_youngest(index)) continue;
  pump();
}

void Dispatcher::on_ended(WorkerIndex index, WorkerEnd end) {
  leave_idle(index);
  Hands& hands = hands_[index];
  running_ -= hands.size();
  prefetched_ -= hands.prefetched();
  // Of a worker that kept to the protocol only the first can have started; of another, all up to
  // the last one taken: their results are not believed.
  std::vector<TaskRef> lost;
  while (!hands.empty() && hands.front().ticket <= end.taken) lost.push_back(hands.pop_front());
  while (!hands.empty()) requeue(hands.pop_back());
  for (; !lost.empty(); lost.pop_back()) lose(lost.back(), end);
  if (is_closed_ && is_drained()) {
    supervisor_.vacate(index);
  } else {
    follow(index, supervisor_.on_ended(index));
  }
  pump();
}

// A worker that stands where it stood at the last look runs something long: what waits behind it
// goes to whoever is free next.
void Dispatcher::on_stall() {
  is_stall_timer_set_ = false;
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    if (hands_[index].empty() || hands_[index].front().ticket != stalled_[index]) continue;
    Task& front = hands_[index].front();
    front.expected_ns = RunTimes::kUnknown;
    if (is_chunk(front)) port_.end_run(index, front);
    while (hands_[index].prefetched() > 0 && take_back_youngest(index)) continue;
  }
  pump();
}

Dispatcher::Counts Dispatcher::counts() const {
  Counts counts = totals_;
  counts.workers = supervisor_.present();
  counts.idle = static_cast<unsigned>(idle_.size());
  counts.queued = queued_;
  counts.running = running_;
  return counts;
}

// --- handing out --------------------------------------------------------------------------------

// Gives tasks to workers, and once nothing is left of a closed pool, lets the workers go.
void Dispatcher::pump() {
  if (is_broken()) fail_backlog();
  do {
    WorkerIndex chosen = 0;
    for (drop_cancelled(); queued_ > 0 && choose(*backlog_.front(), chosen); drop_cancelled()) {
      give(chosen);
    }
  } while (!publish_all());
  watch_stalls();
  if (is_closed_ && is_drained()) dismiss_all();
}

// True while the worker it would go to has plenty to do: handing over many at once costs one
// transfer of the gate between CPUs instead of one each.
bool Dispatcher::is_worth_waiting(const Task& task) const {
  return queued_ < kBatch && hands_[favourite_].size() >= kComfort && has_room(favourite_, task);
}

bool Dispatcher::has_room(WorkerIndex index, const Task& task) const {
  const Hands& hands = hands_[index];
  if (!supervisor_.takes_tasks(index) || hands.size() >= kMostInHands) return false;
  if (hands.empty()) return true;
  return task.can_be_prefetched && hands.front().expected_ns <= kPrefetchNanoseconds &&
         hands.prefetched_ns() + expected_ns(task) <= kPrefetchNanoseconds;
}

// The most recently active worker first: it is awake, and its caches are warm. Another is woken
// only when that one has enough to do.
bool Dispatcher::choose(const Task& task, WorkerIndex& chosen) const {
  chosen = favourite_;
  if (has_room(chosen, task)) return true;
  if (idle_.empty() || is_soon_begun(task)) return false;
  chosen = idle_.back();
  return true;
}

// True if the worker that was active last will have worked off the backlog, too, before another is
// up. If it turns out otherwise, the stall timer tells.
bool Dispatcher::is_soon_begun(const Task& task) const {
  const Hands& hands = hands_[favourite_];
  if (hands.empty() || !supervisor_.takes_tasks(favourite_)) return false;
  if (!task.can_be_prefetched || task.part != nullptr) return false;
  const std::uint64_t before = queued_ + hands.size();
  return hands.front().expected_ns <= kPrefetchNanoseconds &&
         before * task.function->times.typical() <= kPrefetchNanoseconds;
}

// Hands the first task of the backlog to a worker.
void Dispatcher::give(WorkerIndex index) {
  Hands& hands = hands_[index];
  TaskRef task = next_queued();
  if (task->part != nullptr) {
    const std::size_t count = task->function->times.items_in(kChunkNanoseconds);
    if (count < task->part->count) split_off(*task, count);  // else it goes whole
  }
  task->ticket = next_ticket_++;
  task->expected_ns = expected_ns(*task);
  const Delivery delivery = port_.deliver(index, *task);
  if (delivery == Delivery::impossible) {
    return settle(*task, Task::Status::failed);
  }
  if (delivery == Delivery::full) {
    task->can_be_prefetched = false;
    return requeue(std::move(task));
  }
  if (hands.empty()) leave_idle(index);
  if (delivery == Delivery::refused) {
    supervisor_.on_deaf(index);
    return requeue(std::move(task));
  }
  prefetched_ += hands.empty() ? 0 : 1;
  if (std::ranges::find(to_publish_, index) == to_publish_.end()) to_publish_.push_back(index);
  ++task->attempt;
  ++running_;
  task->set_running(true);
  hands.push_back(std::move(task));
  totals_.prefetch_depth = std::max(totals_.prefetch_depth, hands.prefetched());
  favourite_ = index;
}

// False if a worker is lost over it: what was to go there next goes elsewhere.
bool Dispatcher::publish_all() {
  bool is_done = true;
  for (const WorkerIndex index : to_publish_) {
    if (port_.publish(index)) continue;
    supervisor_.on_deaf(index);
    is_done = false;
  }
  to_publish_.clear();
  return is_done;
}

void Dispatcher::drop_cancelled() {
  for (; !backlog_.empty(); backlog_.pop_front()) {
    Task& task = *backlog_.front();
    if (task.is_done()) continue;
    if (task.part == nullptr || !task.part->is_dropped) return;
    --queued_;
    settle(task, Task::Status::cancelled);
  }
}

TaskRef Dispatcher::next_queued() {
  drop_cancelled();
  if (backlog_.empty()) return nullptr;
  TaskRef task = std::move(backlog_.front());
  backlog_.pop_front();
  --queued_;
  return task;
}

bool Dispatcher::take_back_youngest(WorkerIndex index) {
  if (!port_.take_back(index)) return false;
  Hands& hands = hands_[index];
  prefetched_ -= hands.prefetched() > 0 ? 1 : 0;
  --running_;
  ++totals_.revocations;
  --hands.back().attempt;
  requeue(hands.pop_back());
  if (hands.empty()) become_idle(index);
  return true;
}

// Takes back all from the youngest down to `task`: they stand in the backlog then, in their order.
bool Dispatcher::take_back(WorkerIndex index, const Task& task) {
  while (hands_[index].holds(task)) {
    if (!take_back_youngest(index)) return false;
  }
  return true;
}

void Dispatcher::requeue(TaskRef task) {
  task->set_running(false);
  backlog_.push_front(std::move(task));
  ++queued_;
}

void Dispatcher::become_idle(WorkerIndex index) {
  if (supervisor_.takes_tasks(index)) idle_.push_back(index);
}

void Dispatcher::leave_idle(WorkerIndex index) {
  if (!idle_.empty() && idle_.back() == index) return idle_.pop_back();
  std::erase(idle_, index);
}

// The stall timer runs while anything waits for one worker, though another might take it.
bool Dispatcher::may_stall() const {
  if (prefetched_ > 0 || (queued_ > 0 && !idle_.empty())) return true;
  return running_ > 0 && std::ranges::any_of(hands_, [](const Hands& hands) {
           return !hands.empty() && is_chunk(hands.front());
         });
}

void Dispatcher::watch_stalls() {
  if (is_stall_timer_set_ || !may_stall()) return;
  is_stall_timer_set_ = true;
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    stalled_[index] = hands_[index].empty() ? 0 : hands_[index].front().ticket;
  }
  port_.set_stall_timer(kStallTime);
}

// --- parts of maps ------------------------------------------------------------------------------

// Leaves `task` its first `count` elements; the others are a task of their own.
TaskRef Dispatcher::split(Task& task, std::size_t count) {
  Part& part = *task.part;
  auto rest = std::make_shared<Task>(*task.function, Payload());
  rest->pool = task.pool;
  rest->generation = task.generation;
  rest->can_be_prefetched = task.can_be_prefetched;
  rest->part = std::make_unique<Part>(
      Part{part.batch, part.first + count, part.count - count, 0, 0, nullptr});
  rest->part->rest = std::move(part.rest);  // from here on nothing throws
  part.rest = rest;
  part.count = count;
  return rest;
}

// Of a part's elements `settled` have run, the first `done` of them with a value. Those behind are
// run anew.
// False without the memory for that: they are without a value for ever.
bool Dispatcher::end_early(Task& task, std::size_t done, std::size_t settled) noexcept {
  task.part->done = done;
  if (settled == task.part->count) return true;
  if (!task.part->is_dropped) return split_off(task, settled);
  task.part->count = settled;  // nobody asks for the others
  return true;
}

// Puts all but the first `count` elements of a part back into the backlog. Without the memory for
// that it changes nothing.
bool Dispatcher::split_off(Task& task, std::size_t count) noexcept {
  try {
    backlog_.emplace_front();
  } catch (const std::bad_alloc&) {
    return false;
  }
  try {
    backlog_.front() = split(task, count);
  } catch (const std::bad_alloc&) {
    backlog_.pop_front();
    return false;
  }
  ++queued_;
  return true;
}

// --- ends ---------------------------------------------------------------------------------------

// Those that are not ready yet, too: one of them may never be.
void Dispatcher::dismiss_all() {
  idle_.clear();
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    if (supervisor_.dismiss(index)) port_.dismiss(index);
  }
}

void Dispatcher::settle(Task& task, Task::Status status) {
  if (task.part != nullptr) totals_.completed += task.part->done;
  if (task.part == nullptr && status == Task::Status::finished) ++totals_.completed;
  if (status == Task::Status::raised) ++totals_.failed;
  if (status == Task::Status::cancelled) {
    task.fail_by([function = task.function] {
      throw CancelledError("task " + function->name() + " was cancelled before it started");
    });
  }
  if (task.part != nullptr) {
    task.part->batch = nullptr;
  } else if (status == Task::Status::cancelled || status == Task::Status::failed) {
    task.payload = {};
  }
  task.pool = nullptr;
  task.finish(status);
  if (task.waiters != nullptr) port_.announce(task);
}

// A worker that had finished all elements of a part has lost none of them.
void Dispatcher::lose(const TaskRef& task, WorkerEnd& end) {
  Task::Status status = Task::Status::failed;
  if (task->part != nullptr && end.items && task->ticket == end.taken) {
    task->payload = std::move(end.values);
    if (*end.items == task->part->count) status = Task::Status::finished;
    end_early(*task, *end.items, *end.items + (status == Task::Status::failed ? 1 : 0));
  }
  if (status == Task::Status::failed) {
    ++totals_.lost;
    task->fail_by([raise = end.raise, &lost = *task] { raise(lost); });
  }
  settle(*task, status);
}

// Has another worker take the place of one that is gone.
void Dispatcher::follow(WorkerIndex index, std::optional<Duration> delay) {
  if (!delay) return;
  supervisor_.on_starting(index);
  ++totals_.restarted;
  port_.start_worker(index, *delay);
}

void Dispatcher::fail_backlog() {
  while (const TaskRef task = next_queued()) {
    task->fail_by([reason = broken_reason()] { throw BrokenPoolError(reason); });
    settle(*task, Task::Status::failed);
  }
}

}  // namespace shoal::pool
