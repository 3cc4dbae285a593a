// SPDX-License-Identifier: Apache-2.0
#include "model/engine.hpp"

namespace shoal::model {

using pool::Collector;
using pool::Honesty;

// --- the service thread -------------------------------------------------------------------------

void EngineScenario::serve() {
  for (;;) {
    std::array<const Event*, 3> ears{&service_ear_};
    std::size_t count = 1;
    for (const auto& standing : standings_) {
      if (!standing->is_gone) ears[count++] = &*standing->death;
    }
    wait_readable(std::span<const Event* const>(ears.data(), count));
    if (machine().read_kernel(service_ear_.location()) != 0) service_ear_.silence();
    for (const auto& standing : standings_) {
      const bool is_dead = machine().read_kernel(standing->death->location()) != 0;
      if (is_dead && !standing->is_gone) on_end(*standing);
    }
    lock();
    if (leading_ == kNobody) {
      post(Collector::service);
      collect();
    }
    unlock();
  }
}

// What is behind the first task, the youngest first.
void EngineScenario::take_back_untaken(Standing& standing) {
  while (standing.flight.count > 1) {
    const auto [honesty, count] = standing.parent->revoke_youngest();
    machine().expect(honesty == Honesty::honest, "the gate looks impossible");
    if (count == 0) return;
    standing.backlog.push(standing.flight.items[--standing.flight.count]);
  }
}

void EngineScenario::on_end(Standing& dead) {
  lock();
  take_back_untaken(dead);
  collect(dead);
  dead.is_gone = true;
  tokens_->forget(dead);
  if (dead.flight.count > 0 && dead.parent->taken() == dead.flight.items[0]) {
    Task& task = tasks_[dead.flight.pop()];
    task.status = Status::lost;
    announce(task);
  }
  const auto heir = std::find_if(standings_.begin(), standings_.end(),
                                 [](const auto& other) { return !other->is_gone; });
  for (Row* row : {&dead.flight, &dead.backlog}) {
    while (row->count > 0) {
      const unsigned ticket = row->pop();
      if (heir != standings_.end()) {
        (*heir)->backlog.push(ticket);
      } else {
        tasks_[ticket].status = Status::dropped;
        announce(tasks_[ticket]);
      }
    }
  }
  if (heir != standings_.end()) dispatch(**heir);
  unlock();
}

// --- with the lock held -------------------------------------------------------------------------

void EngineScenario::post(Collector collector) {
  posted_ = collector;
  if (plan_.has_one_epoch) {
    board_.word.store(static_cast<std::uint64_t>(collector), std::memory_order_release);
    return Platform::fence();
  }
  const Weakened weakened(plan_.post);
  board_.post(collector);
}

void EngineScenario::collect() {
  for (const auto& standing : standings_) {
    if (standing->has_tasks() && standing->parent->has_news()) collect(*standing);
  }
}

void EngineScenario::collect(Standing& standing) {
  bool has_room = false;
  for (pool::Completion copy; standing.has_tasks(); has_room = true) {
    const unsigned ticket = standing.flight.items[0];
    const auto [honesty, has_completion] = standing.parent->peek(ticket, copy);
    machine().expect(honesty == Honesty::honest, "a completion looks forged");
    if (!has_completion) break;
    machine().expect(has_result_of(copy, ticket), "a task has a wrong result");
    standing.parent->release();
    standing.flight.pop();
    ++collected_;
    tasks_[ticket].status = Status::done;
    announce(tasks_[ticket]);
  }
  if (has_room) dispatch(standing);
}

void EngineScenario::dispatch(Standing& standing) {
  if (standing.is_gone || standing.backlog.count == 0) return;
  const unsigned before = standing.flight.count;
  while (standing.backlog.count > 0 && standing.flight.count < plan_.ahead) {
    standing.flight.push(standing.backlog.pop());
    standing.parent->write(make_entry(standing.flight.items[standing.flight.count - 1]));
  }
  if (standing.flight.count == before) return;
  const bool has_no_collector = leading_ == kNobody && posted_ != Collector::service;
  if (has_no_collector && !plan_.publishes_without_post) post(Collector::service);
  tokens_->use(standing);
  machine().expect(standing.parent->publish() == Honesty::honest, "the gate looks impossible");
  if (!standing.parent->needs_wake()) return;
  for (unsigned i = 0; i < standings_.size(); ++i) {
    if (standings_[i].get() == &standing) to_wake_.push(i);
  }
}

bool EngineScenario::has_tasks() const {
  return std::ranges::any_of(standings_, [](const auto& each) { return each->has_tasks(); });
}

}  // namespace shoal::model
