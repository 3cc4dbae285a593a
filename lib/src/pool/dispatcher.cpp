// SPDX-License-Identifier: Apache-2.0
#include "pool/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::pool {

void Dispatcher::on_submit(TaskRef task) {
  backlog_.push_back(std::move(task));
  ++queued_;
  pump();
}

bool Dispatcher::on_cancel(Task& task) {
  if (task.status() == Task::Status::queued) {
    --queued_;  // what stands in the backlog is skipped when its turn comes
    settle(task, Task::Status::cancelled);
    pump();
    return true;
  }
  for (auto& [id, worker] : workers_) {
    if (worker.hands.empty() || worker.hands.back().get() != &task) continue;
    if (!take_back_youngest(id, worker)) return false;
    return on_cancel(task);
  }
  return false;
}

void Dispatcher::on_close(bool cancel_queued) {
  is_closed_ = true;
  if (cancel_queued) {
    for (auto& [id, worker] : workers_) {
      while (!worker.hands.empty() && take_back_youngest(id, worker)) continue;
    }
    while (const TaskRef task = next_queued()) settle(*task, Task::Status::cancelled);
  }
  pump();
}

void Dispatcher::on_started(WorkerId worker, unsigned index) {
  --starting_;
  workers_[worker].index = index;
  pump();
}

void Dispatcher::on_start_failed(unsigned index, const std::string& reason) {
  --starting_;
  if (is_closed_ && is_drained()) return;
  on_failure(index, reason);
  pump();
}

void Dispatcher::on_ready(WorkerId id) {
  const auto at = workers_.find(id);
  if (at == workers_.end() || at->second.is_ready) return;
  at->second.is_ready = true;
  failed_starts_ = 0;
  if (!at->second.is_deaf) idle_.push_back(id);
  pump();
}

void Dispatcher::on_completed(WorkerId id, Task::Status status, Payload result) {
  Worker& worker = workers_.at(id);
  const TaskRef task = std::move(worker.hands.front());
  worker.hands.pop_front();
  --running_;
  task->payload = std::move(result);
  settle(*task, status);
  if (worker.hands.empty() && !worker.is_deaf) idle_.push_back(id);
  pump();
}

void Dispatcher::on_deaf(WorkerId id) {
  const auto at = workers_.find(id);
  if (at == workers_.end()) return;
  at->second.is_deaf = true;
  std::erase(idle_, id);
}

void Dispatcher::on_ended(WorkerId id, const WorkerEnd& end) {
  const auto at = workers_.find(id);
  if (at == workers_.end()) return;
  Worker worker = std::move(at->second);
  workers_.erase(at);
  std::erase(idle_, id);
  running_ -= worker.hands.size();
  // Only the first can have started: a worker completes what it took before it takes another.
  if (!worker.hands.empty() && worker.hands.front()->ticket == end.taken) {
    lose(*worker.hands.front(), end);
    worker.hands.pop_front();
  }
  for (; !worker.hands.empty(); worker.hands.pop_back()) requeue(std::move(worker.hands.back()));
  if (is_closed_ && is_drained()) return pump();
  if (worker.is_ready || worker.is_dismissed) {
    replace(worker.index, Duration::zero());
  } else {
    on_failure(worker.index, "workers end before they are ready");
  }
  pump();
}

Task* Dispatcher::expected(WorkerId id) {
  const auto at = workers_.find(id);
  if (at == workers_.end() || at->second.hands.empty()) return nullptr;
  return at->second.hands.front().get();
}

Dispatcher::Counts Dispatcher::counts() const {
  Counts counts = totals_;
  counts.workers = static_cast<unsigned>(workers_.size());
  counts.idle = static_cast<unsigned>(idle_.size());
  counts.queued = queued_;
  counts.running = running_;
  return counts;
}

// Gives tasks to idle workers, the most recently active first: its caches are warm. Once nothing
// is left of a closed pool, the idle ones are let go.
void Dispatcher::pump() {
  if (is_broken()) fail_backlog();
  while (queued_ > 0 && !idle_.empty()) {
    const WorkerId id = idle_.back();
    idle_.pop_back();
    give(id, workers_.at(id));
  }
  if (is_closed_ && is_drained()) dismiss_all();
}

void Dispatcher::give(WorkerId id, Worker& worker) {
  TaskRef task = next_queued();
  if (task == nullptr) return;
  task->ticket = next_ticket_++;
  switch (port_.deliver(id, *task)) {
    case Delivery::done:
      ++task->attempt;
      ++running_;
      task->set_running(true);
      worker.hands.push_back(std::move(task));
      return;
    case Delivery::refused:
      worker.is_deaf = true;
      return requeue(std::move(task));
    case Delivery::impossible:
      idle_.push_back(id);
      return settle(*task, Task::Status::failed);
  }
}

TaskRef Dispatcher::next_queued() {
  while (!backlog_.empty()) {
    TaskRef task = std::move(backlog_.front());
    backlog_.pop_front();
    if (task->is_done()) continue;
    --queued_;
    return task;
  }
  return nullptr;
}

bool Dispatcher::take_back_youngest(WorkerId id, Worker& worker) {
  if (!port_.take_back(id)) return false;
  --running_;
  --worker.hands.back()->attempt;
  requeue(std::move(worker.hands.back()));
  worker.hands.pop_back();
  if (worker.hands.empty() && !worker.is_deaf) idle_.push_back(id);
  return true;
}

void Dispatcher::requeue(TaskRef task) {
  task->set_running(false);
  backlog_.push_front(std::move(task));
  ++queued_;
}

// Those that are not ready yet, too: one of them may never be.
void Dispatcher::dismiss_all() {
  idle_.clear();
  for (auto& [id, worker] : workers_) {
    if (std::exchange(worker.is_dismissed, true) || std::exchange(worker.is_deaf, true)) continue;
    port_.dismiss(id);
  }
}

void Dispatcher::settle(Task& task, Task::Status status) {
  if (status == Task::Status::finished) ++totals_.completed;
  if (status == Task::Status::raised) ++totals_.failed;
  if (status == Task::Status::cancelled) {
    task.raise = [function = task.function] {
      throw CancelledError("task " + function->name() + " was cancelled before it started");
    };
  }
  if (status == Task::Status::cancelled || status == Task::Status::failed) task.payload = {};
  task.pool = nullptr;
  task.finish(status);
  port_.announce(task);
}

void Dispatcher::lose(Task& task, const WorkerEnd& end) {
  ++totals_.lost;
  task.raise = [raise = end.raise, &task] { raise(task); };
  settle(task, Task::Status::failed);
}

void Dispatcher::replace(unsigned index, Duration delay) {
  if (is_broken()) return;
  ++starting_;
  ++totals_.restarted;
  port_.start_worker(index, delay);
}

// A worker did not come to be. It is tried again, at longer and longer intervals; the pool is
// broken only when nobody is left to run its tasks.
void Dispatcher::on_failure(unsigned index, const std::string& reason) {
  ++failed_starts_;
  const bool has_ready =
      std::ranges::any_of(workers_, [](const auto& entry) { return entry.second.is_ready; });
  if (failed_starts_ >= start_budget() && !has_ready) {
    return break_pool(reason + " (" + std::to_string(failed_starts_) + " times in a row)");
  }
  constexpr Duration kFirstPause = std::chrono::milliseconds(10);
  constexpr unsigned kMostDoublings = 6;
  replace(index, failed_starts_ == 1
                     ? Duration::zero()
                     : kFirstPause * (1 << std::min(failed_starts_ - 2, kMostDoublings)));
}

void Dispatcher::break_pool(const std::string& reason) {
  broken_reason_ = "the pool is broken and runs no more tasks, make another: " + reason;
  fail_backlog();
}

void Dispatcher::fail_backlog() {
  while (const TaskRef task = next_queued()) {
    task->raise = [reason = broken_reason_] { throw BrokenPoolError(reason); };
    settle(*task, Task::Status::failed);
  }
}

}  // namespace shoal::pool
