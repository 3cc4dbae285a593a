// SPDX-License-Identifier: Apache-2.0
// What the dispatcher asks of the world; as ProcessPool and Incarnation answer it.
#include "simulation/ends.hpp"
#include "simulation/world.hpp"

namespace shoal::pool::simulation {

Delivery World::deliver(WorkerIndex index, Task& task) {
  FakeWorker& worker = workers_[index];
  Story& story = story_of(task);
  const Delivery delivery = choose_delivery(worker);
  if (task.part != nullptr && task.part->count < story.count) {
    story.count = task.part->count;
    adopt_rest(story);
  }
  oracle_.on_deliver(index, story, delivery != Delivery::done, now_);
  switch (delivery) {
    case Delivery::done:
      note("gets", index, &story);
      break;
    case Delivery::full:
      note("has no room for", index, &story);
      break;
    case Delivery::refused:
      note("refuses", index, &story);
      worker.is_deaf = true;
      kill(index);
      break;
    case Delivery::impossible:
      note("cannot be sent", index, &story);
      oracle_.on_impossible(story);
      task.fail_by([] { throw Raised{Verdict::impossible}; });
      break;
  }
  return delivery;
}

// What a worker has no room for behind others, it has room for when it is idle.
Delivery World::choose_delivery(const FakeWorker& worker) {
  const bool is_reading =
      worker.process == FakeWorker::Process::alive && !worker.has_closed_channel;
  if (worker.mailbox.in_flight() > 0 && random_.chance(scenario_.full)) return Delivery::full;
  if (!is_reading && random_.chance(3000)) return Delivery::refused;
  if (random_.chance(scenario_.refused)) return Delivery::refused;
  if (random_.chance(scenario_.impossible)) return Delivery::impossible;
  return Delivery::done;
}

bool World::publish(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  if (worker.mailbox.publish()) return true;
  note("has an impossible gate", index);
  worker.has_violated = true;
  worker.is_deaf = true;
  kill(index);
  return false;
}

bool World::take_back(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  FakeMailbox& mailbox = worker.mailbox;
  expect(mailbox.in_flight() > 0, "what is taken back was given");
  expect(mailbox.is_published() || mailbox.is_gate_forged(), "what is taken back was published");
  Story& youngest = *mailbox.at(mailbox.in_flight() - 1).story;
  if (is_looking_for_stalls_) mailbox.at(0).has_surprised = true;
  if (mailbox.take_back()) {
    note("gives back", index, &youngest);
    tally_.stalls += is_looking_for_stalls_ ? 1 : 0;
    oracle_.on_taken_back(index, youngest, now_);
    return true;
  }
  note("keeps", index, &youngest);
  if (mailbox.is_gate_forged()) {
    worker.has_violated = true;
    kill(index);
  }
  return false;
}

// The worker may see it in time, or not.
void World::end_run(WorkerIndex index, const Task& part) {
  FakeWorker& worker = workers_[index];
  note("is to leave off its part", index, nullptr);
  const bool is_running_it = worker.doing == FakeWorker::Doing::running &&
                             worker.run_ticket == part.ticket && !worker.is_throwing;
  if (!is_running_it || random_.chance(5000)) return;
  worker.items_wanted = std::min(worker.items_wanted, worker.items_done + 1);
}

void World::start_worker(WorkerIndex index, Duration delay) {
  oracle_.on_start_asked(index, delay);
  FakeWorker& worker = workers_[index];
  note(delay == Duration::zero() ? "is to start" : "is to start later", index);
  worker.process = FakeWorker::Process::starting;
  if (delay == Duration::zero()) return;
  worker.process = FakeWorker::Process::delayed;
  arm(std::chrono::nanoseconds(delay).count(), Timer::Kind::start, index);
}

void World::dismiss(WorkerIndex index) {
  note("is let go", index);
  oracle_.on_dismissed(index);
  workers_[index].is_let_go = true;
  arm(1'000'000'000, Timer::Kind::kill, index);
}

void World::announce(Task& task) {
  Story& story = story_of(task);
  const bool is_asked_for = is_cancelling_all_ || being_cancelled_ == &story ||
                            (story.map != nullptr && story.map->is_dropped);
  if (task.status() == Task::Status::cancelled && is_asked_for) {
    story.verdict = Verdict::cancelled;
    ++tally_.cancelled;
  }
  note("ends", Trace::kNobody, &story);
  oracle_.on_final(story, dispatcher_.is_broken());
  if (story.rest_count > 0 && !task.part->is_dropped) adopt_rest(story);
  oracle_.leave_line(story);
}

void World::set_stall_timer(Duration delay) {
  expect(!is_stall_timer_set_, "there is one stall timer");
  is_stall_timer_set_ = true;
  oracle_.on_stall_timer(delay);
  arm(std::chrono::nanoseconds(delay).count(), Timer::Kind::stall, 0);
}

}  // namespace shoal::pool::simulation
