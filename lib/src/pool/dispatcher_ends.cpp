// SPDX-License-Identifier: Apache-2.0
// The dispatcher: the end of each event, parts of maps, and what becomes of tasks in the end.
#include <algorithm>
#include <new>
#include <utility>

#include "pool/dispatcher.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// A worker dies by chance between two tasks, once in a while.
constexpr std::uint8_t kMostUntouched = 20;

}  // namespace

// What is due when an event is over. An event that has happened is not undone for lack of memory:
// what cannot be handed out now waits where it stands.
void Dispatcher::pump() {
  try {
    is_pump_due_ = false;
    hand_out();
  } catch (const std::bad_alloc&) {
    is_pump_due_ = true;
    port_.look_again();
  }
}

bool Dispatcher::on_arrival(const TaskRef& task) {
  auto expected = expected_.extract(task.get());
  if (expected.empty()) return false;
  try {
    on_submit(task);
  } catch (...) {
    expected_.insert(std::move(expected));
    throw;
  }
  return true;
}

// --- parts of maps ------------------------------------------------------------------------------

// Leaves `task` its first `count` elements; the others are a task of their own.
TaskRef Dispatcher::split(Task& task, std::size_t count) {
  Part& part = *task.part;
  auto rest = std::make_shared<Task>(*task.function, Payload());
  rest->pool = task.pool;
  rest->generation = task.generation;
  rest->can_be_prefetched = task.can_be_prefetched;
  rest->policy = task.policy;
  rest->part = std::make_unique<Part>(
      Part{part.batch, part.first + count, part.count - count, 0, 0, nullptr});
  rest->expires_at = task.expires_at;
  if (task.expires_at != TimePoint::max()) watch_expiry(rest);
  rest->part->rest = std::move(part.rest);  // from here on nothing throws
  rest->part->chunksize = part.chunksize;
  rest->part->ledger = part.ledger;
  rest->part->self = part.ledger == nullptr ? nullptr : rest;
  rest->pool_number = task.pool_number;
  if (part.ledger == nullptr || !part.ledger->is_forgotten) part.rest = rest;
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
  TaskRef rest;
  try {
    rest = split(task, count);
    backlog_.push_front(rest);
  } catch (const std::bad_alloc&) {
    if (rest != nullptr) join(task, *rest);
    return false;
  }
  count_queued(*rest);
  return true;
}

// Undoes a split whose rest nobody has seen.
void Dispatcher::join(Task& task, Task& rest) noexcept {
  task.part->count += rest.part->count;
  task.part->rest = std::move(rest.part->rest);
  rest.part->self = nullptr;
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
    const char* const when =
        task.attempt > 0 ? " was cancelled" : " was cancelled before it started";
    task.fail_by([function = task.function, policy = task.policy, when] {
      const bool is_named = policy != nullptr && !policy->name.empty();
      throw CancelledError("task " + (is_named ? policy->name : function->name()) + when);
    });
  }
  if (task.part != nullptr) {
    const Batch* const batch = task.part->batch.get();
    if (batch != nullptr && status != Task::Status::cancelled) batch->count_done(task.part->count);
    task.part->batch = nullptr;
  } else if (status == Task::Status::cancelled || status == Task::Status::failed) {
    task.payload = {};
  }
  task.pool = nullptr;
  task.finish(status);
  if (task.is_awaited()) port_.announce(task);
}

// By the last word of the worker that had a task; or by its silence about one that it had taken.
// A task that so many workers died before is what they died of, and had them deny it.
bool Dispatcher::was_begun(WorkerIndex index, const Task& task,
                           const WorkerEnd& end) const noexcept {
  const Life& life = lives_[index];
  return task.ticket <= end.taken || task.untouched >= kMostUntouched ||
         (life.doomed == task.ticket && life.reason == Reason::timed_out);
}

// A worker that had finished all elements of a part has lost none of them.
void Dispatcher::lose(WorkerIndex index, const TaskRef& task, WorkerEnd& end) {
  const bool is_doomed = lives_[index].doomed == task->ticket;
  const Reason reason = is_doomed ? lives_[index].reason : Reason::none;
  const bool knows_items = task->part != nullptr && end.items && task->ticket == end.taken;
  if (knows_items) {
    task->payload = std::move(end.values);
    task->part->done = *end.items;
    if (*end.items == task->part->count) return settle(*task, Task::Status::finished);
  }
  const auto done = knows_items ? end.items : std::nullopt;
  if (run_again(task, done, retries(*task, reason))) return;
  if (knows_items) end_early(*task, *end.items, *end.items + 1);
  if (reason != Reason::none) return give_up(task, reason);
  ++totals_.lost;
  task->fail_by_made([&] { return [raise = end.raise, &lost = *task] { raise(lost); }; });
  settle(*task, Task::Status::failed);
}

// A worker is gone that had not begun `task`: it runs elsewhere, unless it was to be ended.
void Dispatcher::hand_back(WorkerIndex index, TaskRef task) {
  const Life& life = lives_[index];
  --task->attempt;
  if (life.doomed == task->ticket && life.reason == Reason::cancelled) {
    return settle(*task, Task::Status::cancelled);
  }
  if (is_expired(*task)) return fail_expired(*task);
  requeue(std::move(task));
}

// Has another worker take the place of one that is gone.
void Dispatcher::follow(WorkerIndex index, std::optional<Duration> delay) {
  if (!delay) return;
  ++totals_.restarted;
  start(index, *delay);
}

// The port is asked in pump(), which tries again where there is no memory for it now.
void Dispatcher::start(WorkerIndex index, Duration delay) noexcept {
  supervisor_.on_starting(index);
  due_starts_[index] = delay;
  has_due_starts_ = true;
}

void Dispatcher::ask_for_starts() {
  if (!has_due_starts_) return;
  for (WorkerIndex index = 0; index < due_starts_.size(); ++index) {
    if (!due_starts_[index]) continue;
    port_.start_worker(index, *due_starts_[index]);
    due_starts_[index].reset();
  }
  has_due_starts_ = false;
}

void Dispatcher::fail_backlog() {
  const auto fail = [&](Task& task) {
    task.fail_by_made(
        [&] { return [reason = broken_reason()] { throw BrokenPoolError(reason); }; });
    settle(task, Task::Status::failed);
  };
  while (const TaskRef task = next_queued()) fail(*task);
  const auto delayed = std::exchange(delayed_, {});
  for (const auto& [at, task] : delayed) fail(*task);
}

}  // namespace shoal::pool
