// SPDX-License-Identifier: Apache-2.0
// What the parent notices of its workers, and when; as ProcessPool and Engine do.
#include "simulation/ends.hpp"
#include "simulation/world.hpp"

namespace shoal::pool::simulation {

void World::collect() {
  std::size_t count = 0;
  bool has_looked = false;
  const bool is_upward = random_.chance(5000);
  for (WorkerIndex i = 0; i < scenario_.workers; ++i) {
    const WorkerIndex index = is_upward ? i : scenario_.workers - 1 - i;
    if (workers_[index].mailbox.in_flight() == 0 || !workers_[index].mailbox.has_news()) continue;
    count += collect(index);
    has_looked = true;
  }
  if (count > 0) dispatcher_.on_collected();
  if (has_looked) after_event();
}

std::size_t World::collect(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  std::size_t count = 0;
  if (worker.has_violated) return count;
  for (const Task* task = nullptr; (task = dispatcher_.expected(index)) != nullptr; ++count) {
    const FakeMailbox::Look look = worker.mailbox.peek(task->ticket);
    worker.has_violated = look == FakeMailbox::Look::violation;
    if (look != FakeMailbox::Look::completion) break;
    take_result(index);
  }
  if (!worker.has_violated) return count;
  note("is found to have forged a completion", index);
  kill(index);
  worker.is_deaf = true;
  dispatcher_.on_deaf(index);
  return count;
}

void World::take_result(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  Story& story = *worker.mailbox.at(0).story;
  const FakeMailbox::Completion found = worker.mailbox.found();
  Completed completed;
  completed.status = found.is_value ? Task::Status::finished : Task::Status::raised;
  completed.nanoseconds = found.nanoseconds;
  completed.items = found.items;
  Verdict verdict = found.is_value ? Verdict::value : Verdict::exception;
  if (random_.chance(scenario_.no_room)) {
    story.task->fail_by([] { throw Raised{Verdict::no_room}; });
    completed.items = story.map == nullptr ? 0 : found.items + (found.is_value ? 0 : 1);
    completed.status = Task::Status::failed;
    verdict = Verdict::no_room;
  }
  note("has its result taken:", index, &story);
  oracle_.on_result(index, verdict, completed.items, now_);
  dispatcher_.on_completed(index, std::move(completed));
}

// The service thread hears of one thing; of several, in any order.
void World::serve(WorkerIndex index) {
  const FakeWorker& worker = workers_[index];
  if (!worker.is_present) return;
  const bool has_ended = worker.process == FakeWorker::Process::dead;
  if (has_ended && random_.chance(5000)) return see_end(index);
  if (worker.has_said_hello && !worker.has_heard_hello) return hear_hello(index);
  if (!has_ended && !worker.has_closed_channel) return;
  if (!worker.has_seen_channel_close) see_channel_close(index);
}

void World::hear_hello(WorkerIndex index) {
  note("is heard to be ready", index);
  workers_[index].has_heard_hello = true;
  oracle_.on_ready(index);
  dispatcher_.on_ready(index);
  after_event();
}

void World::see_channel_close(WorkerIndex index) {
  note("is seen to be deaf", index);
  workers_[index].has_seen_channel_close = true;
  workers_[index].is_deaf = true;
  dispatcher_.on_deaf(index);
  arm(1'000'000'000, Timer::Kind::kill, index);
  after_event();
}

void World::see_end(WorkerIndex index) {
  note("is seen to have ended", index);
  FakeWorker& worker = workers_[index];
  worker.is_deaf = true;
  dispatcher_.on_deaf(index);
  collect(index);  // what it had published is delivered
  WorkerEnd end;
  end.taken = worker.mailbox.taken();
  end.raise = [](const Task&) { throw Raised{Verdict::lost}; };
  const bool is_running = worker.mailbox.in_flight() > 0 && !worker.has_violated &&
                          worker.mailbox.at(0).ticket == worker.run_ticket;
  end.items = is_running ? worker.items_done : 0;
  const std::size_t items = *end.items;
  if (worker.has_violated || worker.is_progress_hidden) end.items = std::nullopt;
  oracle_.on_ended(index, items);
  dispatcher_.on_ended(index, std::move(end));
  after_event();
}

void World::kill(WorkerIndex index) { workers_[index].is_killed = true; }

void World::arm(std::int64_t delay, Timer::Kind kind, WorkerIndex index) {
  timers_.push_back({now_ + delay, kind, index, workers_[index].incarnation});
}

}  // namespace shoal::pool::simulation
