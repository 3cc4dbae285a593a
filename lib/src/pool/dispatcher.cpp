// SPDX-License-Identifier: Apache-2.0
#include "pool/dispatcher.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// Behind a worker with so many tasks, so many more may gather before they are handed over at once.
constexpr std::size_t kComfort = 8;
constexpr std::size_t kBatch = 8;

// A part of a map that could be made smaller.
bool is_chunk(const Task& task) noexcept {
  return task.part != nullptr && task.part->count > 1 && task.part->chunksize == 0;
}

// How many elements of a map are handed over together.
std::size_t chunk_of(const Task& task) noexcept {
  const std::size_t fixed = task.part->chunksize;
  return fixed > 0 ? fixed : task.function->times.items_in(Dispatcher::kChunkNanoseconds);
}

// How long a task is expected to run; for a map's part, what would be handed over of it now.
std::uint32_t expected_ns(const Task& task) noexcept {
  const RunTimes& times = task.function->times;
  if (task.part == nullptr || times.slowest() == RunTimes::kUnknown) return times.slowest();
  const std::size_t count =
      std::min(task.part->count, chunk_of(task));
  const std::uint64_t all = std::uint64_t{count} * times.slowest();
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(all, RunTimes::kUnknown));
}

}  // namespace

// --- events from users --------------------------------------------------------------------------

void Dispatcher::on_submit(TaskRef task) {
  if (task->policy != nullptr) watch_expiry(task);
  make_way_for(*task);
  const Task& newest = *task;  // in the backlog, until pump()
  backlog_.push_back(std::move(task));
  count_queued(newest);
  if (!is_worth_waiting(newest)) pump();
}

bool Dispatcher::on_cancel(Task& task, Cancel reach) {
  bool is_ended = withdraw(task);
  if (is_ended) {
    settle(task, Task::Status::cancelled);
  } else if (reach == Cancel::running && task.status() == Task::Status::running) {
    for (WorkerIndex index = 0; index < hands_.size() && !is_ended; ++index) {
      const bool runs_it = !hands_[index].empty() && &hands_[index].front() == &task;
      is_ended = runs_it && end_task(index, Reason::cancelled);
    }
  }
  pump();
  return is_ended;
}

// Takes a task that has not started out of wherever it waits; false if it has, or is done.
bool Dispatcher::withdraw(Task& task) {
  for (WorkerIndex index = 0; task.status() == Task::Status::running; ++index) {
    if (index == hands_.size()) return false;
    if (!hands_[index].holds(task)) continue;
    if (!take_back(index, task)) {
      return false;
    }
  }
  if (task.is_done()) return false;
  const auto waits = [&](const auto& entry) { return entry.second.get() == &task; };
  if (task.thrown != nullptr) {
    --undecided_;
  } else if (expected_.erase(&task) == 0 && std::erase_if(delayed_, waits) == 0) {
    uncount_queued(task);  // what stands in the backlog is skipped when its turn comes
  }
  return true;
}

void Dispatcher::on_resize(unsigned count) {
  const unsigned before = supervisor_.wanted();
  if (count > hands_.size()) {
    idle_.reserve(count);
    to_publish_.reserve(count);
    due_starts_.resize(count);
    lives_.resize(count);
    hands_.resize(count);
  }
  supervisor_.resize(count);
  for (WorkerIndex index = count; index < hands_.size(); ++index) wear_out(index);
  for (WorkerIndex index = before; index < count; ++index) {
    if (!supervisor_.is_vacant(index)) continue;  // it follows when the one there has left
    if (is_broken() || !is_replaced(index)) continue;
    start(index, Duration::zero());
  }
  pump();
}

void Dispatcher::on_close(bool cancel_queued) {
  is_closed_ = true;
  cancels_ = cancels_ || cancel_queued;
  if (cancel_queued) {
    for (WorkerIndex index = 0; index < hands_.size(); ++index) {
      while (!hands_[index].empty() && take_back_youngest(index)) continue;
    }
    cancel_backlog();
    cancel_waiting();
  }
  pump();
}

void Dispatcher::on_absence(Task& task) {
  const auto absent = expected_.extract(&task);
  if (!absent.empty()) settle(task, Task::Status::failed);
  pump();
}

// --- events from workers ------------------------------------------------------------------------

void Dispatcher::on_started(WorkerIndex index) {
  supervisor_.on_started(index);
  pump();
}

void Dispatcher::on_start_failed(WorkerIndex index, std::string_view reason) {
  if (is_replaced(index)) {
    follow(index, supervisor_.on_start_failed(index, reason));
  } else {
    supervisor_.vacate(index);
  }
  pump();
}

void Dispatcher::on_ready(WorkerIndex index) {
  if (!supervisor_.on_ready(index)) return;
  lives_[index] = {};
  if (rules_.max_age_per_child != forever) {
    lives_[index].ready_at = port_.now();
    watch(index, lives_[index].ready_at + rules_.max_age_per_child);
  }
  if (index >= supervisor_.wanted()) {
    wear_out(index);
  } else if (takes(index)) {
    idle_.push_back(index);
  }
  pump();
}

void Dispatcher::on_completed(WorkerIndex index, Completed completed) {
  Hands& hands = hands_[index];
  prefetched_ -= hands.size() > 1 ? 1 : 0;
  const TaskRef task = hands.pop_front();
  --running_;
  supervisor_.on_finished();
  if (lives_[index].doomed == task->ticket && lives_[index].is_asked) {
    const Reason reason = std::exchange(lives_[index].reason, Reason::none);  // it has heeded
    lives_[index].doomed = 0;
    if (!run_again(task, std::nullopt, retries(*task, reason))) give_up(task, reason);
    favourite_ = index;
    if (hands.empty()) become_idle(index);
    return;
  }
  const bool has_error = completed.error_bytes > 0 || completed.status == Task::Status::raised;
  const std::size_t failed_items = task->part != nullptr && has_error ? 1 : 0;
  const std::size_t items =
      std::max<std::size_t>(1, task->part == nullptr ? 1 : completed.items + failed_items);
  task->function->times.record(completed.nanoseconds, items);
  if (asks_user(index, *task, completed) && ask_user(task, completed)) {
    favourite_ = index;
    if (hands.empty()) become_idle(index);
    return;
  }
  task->payload = std::move(completed.result);
  if (task->part != nullptr) {
    task->part->error_bytes = completed.error_bytes;
    // Without room for the results nothing of them has a value, and nothing runs again.
    const bool is_without = completed.status == Task::Status::failed;
    const std::size_t handed = task->part->count;
    const bool is_whole = end_early(*task, is_without ? 0 : completed.items, items);
    lives_[index].served -= handed - task->part->count;
    if (!is_whole && !has_error) completed.status = Task::Status::failed;
  }
  settle(*task, completed.status);
  favourite_ = index;
  if (hands.empty()) become_idle(index);
}

void Dispatcher::cancel_backlog() {
  while (const TaskRef task = next_queued()) settle(*task, Task::Status::cancelled);
}

// True if another is to take the place of a worker that is gone.
bool Dispatcher::is_replaced(WorkerIndex index) const noexcept {
  return !is_ending_ && index < supervisor_.wanted() && !(is_closed_ && is_drained());
}

void Dispatcher::on_end_workers() {
  is_ending_ = true;
  on_close(true);
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    supervisor_.on_deaf(index);
    leave_idle(index);
  }
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
  const auto is_untouched = [&](const TaskRef& task) { return !was_begun(index, *task, end); };
  const auto first_left = std::ranges::find_if(hands.tasks(), is_untouched);
  const auto lost = static_cast<std::size_t>(first_left - hands.tasks().begin());
  if (lost == 0 && !hands.empty()) ++hands.front().untouched;
  while (hands.size() > lost) hand_back(index, hands.pop_back());
  const bool was_ended = lives_[index].doomed != 0 || supervisor_.is_dismissed(index);
  if (supervisor_.is_ready(index) && !was_ended && is_replaced(index)) {
    supervisor_.on_loss(port_.now(), rules_.restart,
                        hands.empty() ? std::string_view() : hands.front().name());
  }
  while (!hands.empty()) lose(index, hands.pop_back(), end);
  lives_[index] = {};
  if (is_replaced(index)) {
    follow(index, supervisor_.on_ended(index));
  } else {
    supervisor_.vacate(index);
  }
  pump();
}

// A worker that stands where it stood at the last look runs something long: what waits behind it
// goes to whoever is free next.
void Dispatcher::on_stall() {
  is_stall_timer_set_ = false;
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    if (hands_[index].empty() || hands_[index].front().ticket != lives_[index].stalled) continue;
    Task& front = hands_[index].front();
    front.expected_ns = RunTimes::kUnknown;
    if (is_chunk(front)) port_.end_run(index, front);
    while (hands_[index].prefetched() > 0 && take_back_youngest(index)) continue;
  }
  pump();
}

std::optional<WorkerIndex> Dispatcher::holder_of(const Task& task) const {
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    if (hands_[index].holds(task)) return index;
  }
  return std::nullopt;
}

Dispatcher::Counts Dispatcher::counts() const {
  Counts counts = totals_;
  counts.workers = supervisor_.present();
  counts.idle = static_cast<unsigned>(idle_.size());
  counts.queued = queued_ + expected_.size();
  counts.running = running_;
  return counts;
}

// --- handing out --------------------------------------------------------------------------------

// Gives tasks to workers, and once nothing is left of a closed pool, lets the workers go.
void Dispatcher::hand_out() {
  ask_for_starts();
  if (is_broken()) fail_backlog();
  if (is_ending_) cancel_backlog();  // nobody is left to run it
  do {
    WorkerIndex chosen = 0;
    for (drop_cancelled(); queued_ > 0 && choose(*backlog_.front(), chosen); drop_cancelled()) {
      give(chosen);
    }
  } while (!publish_all());
  watch_stalls();
  if (is_room_awaited_ && (is_closed_ || has_room_for(0))) {
    is_room_awaited_ = false;
    port_.announce_room();
  }
  if (is_closed_ && is_drained()) dismiss_all();
}

bool Dispatcher::has_room_for(std::size_t bytes) const noexcept {
  if (rules_.max_queued > 0 && queued_ + prefetched_ >= rules_.max_queued) return false;
  // What is larger than the whole room goes alone.
  return rules_.max_queued_bytes == 0 || queued_bytes_ == 0 ||
         (bytes < rules_.max_queued_bytes && queued_bytes_ <= rules_.max_queued_bytes - bytes);
}

void Dispatcher::count_queued(const Task& task) noexcept {
  ++queued_;
  if (rules_.max_queued_bytes > 0) queued_bytes_ += task.arguments().bytes.size();
}

void Dispatcher::uncount_queued(const Task& task) noexcept {
  --queued_;
  if (rules_.max_queued_bytes > 0) queued_bytes_ -= task.arguments().bytes.size();
}

// True while the worker it would go to has plenty to do: handing over many at once costs one
// transfer of the gate between CPUs instead of one each.
bool Dispatcher::is_worth_waiting(const Task& task) const {
  return queued_ < kBatch && hands_[favourite_].size() >= kComfort && has_room(favourite_, task);
}

bool Dispatcher::has_room(WorkerIndex index, const Task& task) const {
  const Hands& hands = hands_[index];
  if (!takes(index) || hands.size() >= kMostInHands) return false;
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
  if (hands.empty() || !takes(favourite_)) return false;
  if (!task.can_be_prefetched || task.part != nullptr) return false;
  const std::uint64_t before = queued_ + hands.size();
  return hands.front().expected_ns <= kPrefetchNanoseconds &&
         before * task.function->times.typical() <= kPrefetchNanoseconds;
}

// Hands the first task of the backlog, which is queued, to a worker.
void Dispatcher::give(WorkerIndex index) {
  Hands& hands = hands_[index];
  TaskRef task = backlog_.pop_front();
  uncount_queued(*task);
  if (is_expired(*task)) return fail_expired(*task);
  if (task->part != nullptr) {
    const std::size_t count = share_of(index, *task);
    if (count < task->part->count) split_off(*task, count);  // else it goes whole
  }
  task->ticket = next_ticket_++;
  if (task->id == 0) task->id = task->ticket;
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
  lives_[index].served += task->part == nullptr ? 1 : task->part->count;
  const Duration timeout = timeout_of(*task);
  task->set_running(true);
  hands.push_back(std::move(task));
  totals_.prefetch_depth = std::max(totals_.prefetch_depth, hands.prefetched());
  favourite_ = index;
  if (timeout != forever) {
    watch(index, port_.now() + std::clamp(timeout, kLeastWatch, kLongestWatch));
  }
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
    uncount_queued(task);
    settle(task, Task::Status::cancelled);
  }
}

TaskRef Dispatcher::next_queued() {
  drop_cancelled();
  if (backlog_.empty()) return nullptr;
  TaskRef task = backlog_.pop_front();
  uncount_queued(*task);
  return task;
}

// How many elements of a part the worker is handed.
std::size_t Dispatcher::share_of(WorkerIndex index, const Task& task) const {
  if (rules_.max_tasks_per_child == 0) return chunk_of(task);
  return std::min<std::size_t>(chunk_of(task), rules_.max_tasks_per_child - lives_[index].served);
}

// Has the tasks that wait behind others in workers' hands yield to one of a higher priority.
void Dispatcher::make_way_for(const Task& task) {
  has_priorities_ = has_priorities_ || task.priority() != 0;
  if (!has_priorities_ || prefetched_ == 0) return;
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    while (hands_[index].prefetched() > 0 && hands_[index].back().priority() < task.priority()) {
      if (!take_back_youngest(index)) break;
    }
  }
}

bool Dispatcher::take_back_youngest(WorkerIndex index) {
  if (!port_.take_back(index)) return false;
  Hands& hands = hands_[index];
  prefetched_ -= hands.prefetched() > 0 ? 1 : 0;
  --running_;
  ++totals_.revocations;
  --hands.back().attempt;
  lives_[index].served -= hands.back().part == nullptr ? 1 : hands.back().part->count;
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

// Without the memory to stand in the backlog once more it fails: it must not be forgotten.
void Dispatcher::requeue(TaskRef task) {
  task->set_running(false);
  try {
    backlog_.push_front(task);
    count_queued(*task);
  } catch (const std::bad_alloc&) {
    settle(*task, Task::Status::failed);
  }
}

void Dispatcher::become_idle(WorkerIndex index) {
  if (takes(index)) return idle_.push_back(index);
  if (is_spent(index) || supervisor_.is_worn(index)) let_go(index);
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
  for (WorkerIndex index = 0; index < hands_.size(); ++index) {
    lives_[index].stalled = hands_[index].empty() ? 0 : hands_[index].front().ticket;
  }
  port_.set_stall_timer(kStallTime);
  is_stall_timer_set_ = true;
}

}  // namespace shoal::pool
