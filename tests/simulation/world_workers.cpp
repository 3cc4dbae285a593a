// SPDX-License-Identifier: Apache-2.0
// What workers do, a step at a time: any of them may be their last.
#include <limits>

#include "simulation/world.hpp"

namespace shoal::pool::simulation {

void World::live(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  if (worker.process == FakeWorker::Process::starting) return come_up(index);
  if (worker.process != FakeWorker::Process::alive || meets_fate(index)) return;
  if (worker.is_stopped) {
    if (is_calm_ || random_.chance(500)) worker.is_stopped = false;
    if (!worker.is_stopped) note("goes on", index);
    return;
  }
  if (worker.has_said_hello) return work(index);
  if (worker.is_silent) {
    if (is_calm_ && random_.chance(1000)) die(index, "is killed, not being ready");
    return;
  }
  if (worker.has_closed_channel || random_.chance(5000)) return;
  note("says hello", index);
  worker.has_said_hello = true;
}

void World::come_up(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  if (random_.chance(5000)) return;
  const bool is_short = steps_ >= scenario_.shortage_begins && steps_ < scenario_.shortage_ends;
  if (is_short || random_.chance(scenario_.start_failure)) {
    note("does not start", index);
    worker.process = FakeWorker::Process::none;
    oracle_.on_start_failed(index);
    dispatcher_.on_start_failed(index, "no descriptors");
    return after_event();
  }
  note("starts", index);
  worker.process = FakeWorker::Process::alive;
  worker.is_silent = random_.chance(scenario_.silent_start);
  oracle_.on_started(index);
  dispatcher_.on_started(index);
  after_event();
}

// What may happen to a process between any two of its steps; true if it takes none now.
bool World::meets_fate(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  if (worker.is_killed && random_.chance(5000)) {
    die(index, "is killed");
    return true;
  }
  if (random_.chance(scenario_.death)) {
    die(index, "dies");
    return true;
  }
  if (!worker.is_stopped && random_.chance(scenario_.stop)) {
    note("is stopped", index);
    worker.is_stopped = worker.was_stopped = true;
    ++tally_.stops;
    return true;
  }
  if (!worker.has_closed_channel && random_.chance(scenario_.closed_channel)) {
    note("closes its channel", index);
    worker.has_closed_channel = true;
  }
  if (!worker.is_stopped && worker.has_said_hello && random_.chance(scenario_.lie)) lie(index);
  return false;
}

void World::work(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  switch (worker.doing) {
    case FakeWorker::Doing::taking:
      return begin_task(index);
    case FakeWorker::Doing::running:
      if (now_ >= worker.finishes_at) end_element(index);
      return;
    case FakeWorker::Doing::ending:
      return end_task(index);
    case FakeWorker::Doing::waiting:
      break;
  }
  if (worker.mailbox.has_work()) {
    worker.mailbox.take();
    worker.doing = FakeWorker::Doing::taking;
    note("takes", index, worker.mailbox.current().story);
  } else if (worker.is_let_go) {
    die(index, "leaves");
  }
}

// From here on the task has started. Of a part, it is decided how far it comes.
void World::begin_task(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  const FakeMailbox::Entry& entry = worker.mailbox.current();
  const Story& story = *entry.story;
  worker.mailbox.store_taken(entry.ticket);
  worker.doing = FakeWorker::Doing::running;
  worker.started_at = worker.finishes_at = now_;
  worker.was_stopped = false;
  worker.items_done = 0;
  worker.items_wanted = 1;
  worker.is_progress_hidden = false;
  worker.is_throwing = random_.chance(story.map == nullptr ? 1000 : scenario_.throwing);
  if (story.map != nullptr) {
    const auto count = static_cast<std::uint32_t>(story.count);
    const bool ends_early = worker.is_throwing || random_.chance(scenario_.early_end);
    worker.items_wanted = ends_early ? random_.between(1, count) : count;
    worker.is_progress_hidden = random_.chance(scenario_.early_end / 4);
    worker.run_ticket = worker.is_progress_hidden ? 0 : entry.ticket;
  }
  begin_element(index);
}

void World::begin_element(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  Story& story = *worker.mailbox.current().story;
  if (worker.items_done == 0) note("begins", index, &story);
  Oracle::on_user_code(story, worker.items_done);
  worker.finishes_at += draw_time(story);
}

std::uint32_t World::draw_time(const Story& story) {
  const Behaviour& behaviour = scenario_.functions[story.function];
  if (random_.chance(behaviour.surprise)) return random_.between(1'000'000, 8'000'000);
  const std::uint32_t usual = behaviour.nanoseconds;
  return random_.between(usual - usual / 4, usual + usual / 4);
}

// Goes on with the next element, often at once: the clock is let catch up afterwards.
void World::end_element(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  for (bool goes_on = true; goes_on; goes_on = random_.chance(8000)) {
    const bool is_last = worker.items_done + 1 == worker.items_wanted;
    if (!is_last || !worker.is_throwing) ++worker.items_done;
    if (is_last) {
      worker.doing = FakeWorker::Doing::ending;
      return;
    }
    begin_element(index);
  }
}

// From here on the task has a result. A run takes as long as it was meant to take, or as long as
// its worker was stopped: time passes here while others act.
void World::end_task(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  const FakeMailbox::Entry& entry = worker.mailbox.current();
  const std::int64_t end = worker.was_stopped ? now_ : worker.finishes_at;
  const std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  const auto ran = static_cast<std::uint32_t>(std::min(end - worker.started_at, most));
  const std::size_t items = entry.story->map == nullptr ? 0 : worker.items_done;
  worker.mailbox.complete({entry.ticket, !worker.is_throwing, ran, items});
  worker.doing = FakeWorker::Doing::waiting;
  note("completes", index, entry.story);
}

// Writes what no worker of ours writes. Lies about what it has started that the pool cannot see
// through are told in ways of which there is only one right answer.
void World::lie(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  ++tally_.lies;
  switch (random_.below(4)) {
    case 0:
      note("forges its gate", index);
      return worker.mailbox.forge_gate();
    case 1:
      note("forges a completion", index);
      return worker.mailbox.complete({random_.next(), true, 1, 0});
    case 2:
      note("denies that it has started anything", index);
      worker.has_lied_about_taken = true;
      return worker.mailbox.store_taken(0);
    default:
      if (worker.mailbox.in_flight() == 0) return;
      note("claims to have started the first task it has", index);
      worker.has_lied_about_taken = true;
      return worker.mailbox.store_taken(worker.mailbox.at(0).ticket);
  }
}

void World::die(WorkerIndex index, const char* how) {
  note(how, index);
  workers_[index].process = FakeWorker::Process::dead;
  ++tally_.deaths;
}

}  // namespace shoal::pool::simulation
