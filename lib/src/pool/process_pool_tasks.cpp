// SPDX-License-Identifier: Apache-2.0
// The pool: tasks on their way to workers, and results on their way back.
#include <utility>

#include "pool/process_pool.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

void raise_no_room() {
  throw ResourceError(
      "a task's result has come, but this process lacks the memory or descriptors to take it: drop "
      "futures that hold large results, or raise RLIMIT_NOFILE or vm.max_map_count");
}

}  // namespace

// --- collecting results -------------------------------------------------------------------------

std::size_t ProcessPool::collect() {
  std::size_t count = 0;
  // From the back: one that has nothing left leaves the list.
  for (std::size_t i = busy_.size(); i-- > 0;) {
    Standing& standing = *workers_[busy_[i]];
    if (!standing.worker.has_news()) continue;
    count += collect(standing);
    if (!standing.worker.has_tasks()) busy_.erase(busy_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (count > 0 || dispatcher_.is_pump_due()) {
    dispatcher_.on_collected();
    show();
  }
  drop_segments();
  if (is_finish_due_) finish_if_done();
  return count;
}

// collect() does not look at idle workers. One that says all the same that it has a result would
// keep the leader from sleeping.
void ProcessPool::add_words(std::vector<os::FutexWord>& words) {
  for (const auto& [id, index] : indices_) {
    Incarnation& worker = workers_[index]->worker;
    if (worker.violation().empty() && !worker.is_silent_when_idle()) {
      punish(worker);
      dispatcher_.on_deaf(index);
    }
    words.push_back(worker.next_result());
  }
}

// What a submit has done is done, whatever becomes of the results of others.
void ProcessPool::collect_in_passing() noexcept {
  try {
    collect();
  } catch (const std::exception&) {
    engine_.look_again();
  }
}

// Of a map's parts one could not be queued: those before it are taken out again.
void ProcessPool::take_out(const std::vector<TaskRef>& parts, std::size_t refused) {
  Part& first_left = *parts[refused]->part;
  if (first_left.ledger != nullptr) first_left.ledger->unsettled -= first_left.count;
  first_left.ledger = nullptr;
  first_left.self = nullptr;
  if (refused == 0) return;
  for (Part* part = parts.front()->part.get();; part = part->rest->part.get()) {
    part->is_dropped = true;
    if (part->rest == parts[refused]) part->rest = nullptr;
    if (part->rest == nullptr) break;
  }
  dispatcher_.on_collected();
}

// Workers keep large arguments mapped for the next ones; of what is let go here they hear now.
void ProcessPool::drop_segments() {
  const memory::Arena& arena = argument_memory_.arena();
  if (arena.version() == arena_version_) return;
  arena_version_ = arena.version();
  for (const auto& standing : workers_) {
    if (standing != nullptr && standing->worker.drop_segments(arena)) wake(standing->worker);
  }
}

void ProcessPool::drop_lent() {
  for (const auto& standing : workers_) {
    if (standing != nullptr && standing->worker.drop_lent()) wake(standing->worker);
  }
}

std::size_t ProcessPool::collect(Standing& standing) {
  Incarnation& worker = standing.worker;
  std::size_t count = 0;
  std::int64_t ended = 0;
  if (!worker.violation().empty()) return count;
  for (Task* task = nullptr; (task = dispatcher_.expected(standing.index)) != nullptr; ++count) {
    Incarnation::Harvest harvest = worker.collect(*task);
    if (harvest.kind == Incarnation::Harvest::Kind::nothing) break;
    if (harvest.kind == Incarnation::Harvest::Kind::no_room) {
      task->fail_by(raise_no_room);
      // The elements of a part that have run have no result, and do not run again.
      harvest.completed.items += harvest.completed.status == Task::Status::raised ? 1 : 0;
      harvest.completed.error_bytes = 0;
      harvest.completed.status = Task::Status::failed;
    }
    ended = harvest.completed.ended;
    observer_.on_result(standing.index, *task, harvest.completed);
    dispatcher_.on_completed(standing.index, std::move(harvest.completed));
  }
  if (count > 0) observer_.on_results(standing.index, count, worker.has_tasks(), ended);
  if (worker.violation().empty()) {
    const bool is_large = options_.max_rss_per_child > 0 && count > 0 &&
                          worker.resident() > options_.max_rss_per_child;
    if (is_large) dispatcher_.on_worn(standing.index);
    return count;
  }
  punish(worker);
  dispatcher_.on_deaf(standing.index);
  return count;
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery ProcessPool::deliver(WorkerIndex index, Task& task) {
  Incarnation& worker = workers_[index]->worker;
  const bool was_idle = !worker.has_tasks();
  const Delivery delivery = worker.deliver(task, engine_.functions());
  if (delivery == Delivery::refused) punish(worker);
  if (delivery == Delivery::done && was_idle) {
    busy_.push_back(index);
    observer_.on_busy(index);
  }
  return delivery;
}

bool ProcessPool::publish(WorkerIndex index) {
  Incarnation& worker = workers_[index]->worker;
  engine_.expect_results();
  engine_.spin_tokens().use(worker);
  if (!worker.publish()) {
    punish(worker);
    return false;
  }
  wake(worker);
  return true;
}

bool ProcessPool::take_back(WorkerIndex index) {
  Incarnation& worker = workers_[index]->worker;
  const bool is_back = worker.take_back();
  if (!worker.violation().empty()) punish(worker);
  if (!worker.has_tasks()) std::erase(busy_, index);
  return is_back;
}

void ProcessPool::wake(Incarnation& worker) {
  if (!worker.needs_wake()) return;
  ++wakes_;
  engine_.wake_later(worker.bell());
}

}  // namespace shoal::pool
