// SPDX-License-Identifier: Apache-2.0
// What users do, at any moment.
#include <algorithm>

#include "simulation/promises.hpp"
#include "simulation/world.hpp"

namespace shoal::pool::simulation {

void World::act() {
  if (dispatcher_.is_closed()) {
    if (random_.chance(scenario_.cancel)) return cancel();
    // Now and then somebody shuts it down a second time.
    if (random_.chance(30)) return close();
    if (!is_calm_ && random_.chance(100)) settle_down();
    return;
  }
  if (random_.chance(scenario_.close_early)) return close();
  if (random_.chance(scenario_.cancel)) return cancel();
  if (submitted_ >= scenario_.tasks) {
    if (random_.chance(500)) close();
    return;
  }
  for (std::uint32_t i = random_.between(1, scenario_.burst); i > 0; --i) submit();
}

void World::submit() {
  ++submitted_;
  const unsigned function = random_.below(static_cast<std::uint32_t>(functions_.size()));
  if (scenario_.functions[function].is_for_maps) return submit_map(function);
  Story& story = enter(std::make_shared<Task>(functions_[function], Payload()), function, nullptr);
  story.task->can_be_prefetched = !random_.chance(scenario_.full / 4);
  note("submit", Trace::kNobody, &story);
  oracle_.on_submit(story);
  dispatcher_.on_submit(story.task);
  after_event();
}

// A map comes in a batch or two.
void World::submit_map(unsigned function) {
  Map& map = maps_.emplace_back();
  const std::uint32_t size = random_.between(1, scenario_.elements);
  map.elements.resize(size);
  std::vector<Story*> batches;
  for (std::size_t first = 0; first < size;) {
    const std::size_t count = random_.chance(7000) ? size - first : 1 + (size - first) / 2;
    auto task = std::make_shared<Task>(functions_[function], Payload());
    task->part = std::make_unique<Part>();
    task->part->first = first;
    task->part->count = count;
    if (!batches.empty()) batches.back()->task->part->rest = task;
    if (map.first == nullptr) map.first = task;
    batches.push_back(&enter(std::move(task), function, &map));
    first += count;
  }
  for (Story* story : batches) {
    note("submit a map:", Trace::kNobody, story);
    oracle_.on_submit(*story);
    dispatcher_.on_submit(story->task);
    after_event();
  }
}

// A task comes into the world; one that everybody waits for.
Story& World::enter(TaskRef task, unsigned function, Map* map) {
  Story& story = stories_.emplace_back();
  story.number = static_cast<unsigned>(stories_.size());
  story.function = function;
  story.map = map;
  if (map != nullptr) {
    story.first = task->part->first;
    story.count = task->part->count;
  }
  task->waiters = &everybody_;
  by_task_[task.get()] = &story;
  story.task = std::move(task);
  ++tally_.tasks;
  return story;
}

// A part that the dispatcher has made.
void World::adopt_rest(const Story& story) {
  if (story.map == nullptr) return;
  const TaskRef& rest = story.task->part->rest;
  if (rest == nullptr || by_task_.contains(rest.get())) return;
  Story& split = enter(rest, story.function, story.map);
  ++tally_.parts;
  note("there is left", Trace::kNobody, &split);
  expect(split.first == story.first + story.count, "what is left follows");
  oracle_.on_split(story, split);
}

void World::cancel() {
  if (stories_.empty()) return;
  Story& story = stories_[random_.below(static_cast<std::uint32_t>(stories_.size()))];
  if (story.map == nullptr) return cancel(story);
  if (!story.map->is_dropped) drop(*story.map);
}

void World::cancel(Story& story) {
  note("cancel", Trace::kNobody, &story);
  bool is_too_late = story.task->is_done();
  bool is_uncertain = false;
  for (const FakeWorker& worker : workers_) {
    is_too_late = is_too_late || worker.mailbox.is_taken(story);
    is_uncertain = is_uncertain || worker.mailbox.is_gate_forged();
  }
  being_cancelled_ = &story;
  const bool is_cancelled = dispatcher_.on_cancel(*story.task);
  being_cancelled_ = nullptr;
  expect(!is_cancelled || story.task->status() == Task::Status::cancelled, "on_cancel says so");
  expect(!is_cancelled || !is_too_late, "what has started is not cancelled");
  expect(is_cancelled || is_too_late || is_uncertain, "what has not started can be cancelled");
  after_event();
}

// As ProcessPool::drop().
void World::drop(Map& map) {
  ++tally_.dropped;
  note("drop a map");
  for (Story& story : stories_) {
    if (story.map != &map) continue;
    for (const FakeWorker& worker : workers_) {
      const FakeMailbox& mailbox = worker.mailbox;
      // One with a forged gate keeps all it has, until it is ended.
      const bool is_kept = mailbox.is_gate_forged() && mailbox.holds(story);
      if (is_kept || mailbox.is_taken(story)) story.may_run_dropped = true;
    }
  }
  map.is_dropped = true;
  std::vector<TaskRef> parts;
  for (TaskRef task = std::move(map.first); task != nullptr;
       task = std::move(parts.back()->part->rest)) {
    task->part->is_dropped = true;
    parts.push_back(std::move(task));
  }
  for (std::size_t i = parts.size(); i-- > 0;) dispatcher_.on_cancel(*parts[i]);
  after_event();
  if (!kForgivesUnwanted) check_dropped(map);
}

void World::check_dropped(Map& map) {
  for (const Story& story : stories_) {
    if (story.map != &map || story.task->is_done()) continue;
    const bool is_kept = std::ranges::any_of(workers_, [&](const FakeWorker& worker) {
      return worker.mailbox.is_gate_forged() || worker.mailbox.is_taken(story);
    });
    expect(is_kept, "what is dropped and has not started is cancelled");
  }
}

void World::close() {
  const bool cancels = scenario_.is_cancelled_at_close || random_.chance(500);
  note(cancels ? "close, cancelling" : "close");
  oracle_.on_close();
  is_cancelling_all_ = cancels;
  dispatcher_.on_close(cancels);
  is_cancelling_all_ = false;
  after_event();
  if (!cancels) return;
  expect(oracle_.next() == nullptr, "closing cancels what is queued");
  for (FakeWorker& worker : workers_) {
    for (std::size_t i = 0; i < worker.mailbox.in_flight(); ++i) {
      const bool stays = worker.mailbox.is_taken(*worker.mailbox.at(i).story);
      expect(stays || worker.mailbox.is_gate_forged(), "closing cancels what has not started");
    }
  }
}

}  // namespace shoal::pool::simulation
