// SPDX-License-Identifier: Apache-2.0
// What holds between events.
#include <algorithm>

#include "shoal/error.hpp"
#include "simulation/ends.hpp"
#include "simulation/oracle.hpp"

namespace shoal::pool::simulation {
namespace {

constexpr std::int64_t kStallNanoseconds = 2'000'000;
constexpr std::uint64_t kShortNanoseconds = 50'000;
// Behind a worker with eight tasks or more, fewer than eight may gather (a documented exception).
constexpr std::size_t kComfort = 8;
constexpr std::size_t kBatch = 8;

bool matches(const Story& story) {
  switch (story.verdict) {
    case Verdict::open:
      return false;
    case Verdict::value:
      return story.final_status == Task::Status::finished;
    case Verdict::exception:
      return story.final_status == Task::Status::raised;
    case Verdict::cancelled:
      return story.final_status == Task::Status::cancelled;
    case Verdict::no_room:
    case Verdict::lost:
    case Verdict::impossible:
    case Verdict::broken:
      return story.final_status == Task::Status::failed && reason_of(*story.task) == story.verdict;
  }
  return false;
}

// Walks over the parts of a map as its user does.
void check_map(const Map& map) {
  if (map.is_dropped) return;
  std::size_t next = 0;
  for (const Task* task = map.first.get(); task != nullptr; task = task->part->rest.get()) {
    expect(task->part->first == next, "the parts of a map follow each other");
    next += task->part->count;
  }
  expect(next == map.elements.size(), "a map has all its elements");
  for (const Element& element : map.elements) {
    expect(element.verdict != Verdict::open, "every element is settled");
  }
}

}  // namespace

void Oracle::check(Dispatcher& dispatcher, std::int64_t now) const {
  check_places(dispatcher);
  check_broken(dispatcher);
  check_work(now);
  check_counts(dispatcher);
}

void Oracle::check_counts(const Dispatcher& dispatcher) const {
  const Dispatcher::Counts counts = dispatcher.counts();
  unsigned workers = 0;
  unsigned idle = 0;
  for (const FakeWorker& worker : workers_) {
    workers += worker.is_present ? 1 : 0;
    idle += worker.is_idle() ? 1 : 0;
  }
  expect(counts.workers == workers, "counts: workers");
  expect(counts.idle == idle, "counts: idle");
  expect(counts.queued == queued(), "counts: queued");
  expect(counts.running == in_hands(), "counts: running");
  expect(counts.completed == values_, "counts: completed");
  expect(counts.failed == exceptions_, "counts: failed");
  expect(counts.lost == lost_, "counts: lost");
  expect(counts.restarted == restarted_, "counts: restarted");
  expect(counts.revocations == revocations_, "counts: revocations");
  expect(counts.prefetch_depth == depth_, "counts: prefetch_depth");
  expect(dispatcher.is_drained() == is_drained(), "is_drained");
}

void Oracle::check_places(Dispatcher& dispatcher) const {
  bool has_workers = false;
  for (WorkerIndex index = 0; index < workers_.size(); ++index) {
    FakeWorker& worker = workers_[index];
    Task* const expected =
        worker.mailbox.in_flight() == 0 ? nullptr : worker.mailbox.at(0).story->task.get();
    expect(dispatcher.expected(index) == expected, "the dispatcher knows what is in whose hands");
    expect(worker.mailbox.is_published() || worker.is_deaf, "what is delivered is published");
    const bool is_filled = worker.is_present || worker.is_expected;
    has_workers = has_workers || is_filled;
    expect(is_filled || dispatcher.is_broken() || is_over(), "who is gone is replaced");
    expect(!is_over() || !worker.is_present || worker.is_dismissed || worker.is_deaf,
           "a closed pool with nothing to do lets its workers go");
  }
  expect(dispatcher.has_workers() == has_workers, "has_workers");
}

void Oracle::check_broken(const Dispatcher& dispatcher) const {
  expect(dispatcher.is_broken() == may_be_broken_,
         "a pool is broken when so many starts have failed that nobody is left");
  expect(!dispatcher.is_broken() || queued() == 0, "a broken pool fails its tasks");
}

void Oracle::check_work(std::int64_t now) const {
  const bool is_waste = queued() > 0 && std::ranges::any_of(workers_, &FakeWorker::is_idle);
  if (!is_waste) {
    waste_since_ = -1;
    return;
  }
  if (waste_since_ < 0) waste_since_ = now;
  const FakeWorker& worker = workers_[favourite_];
  const std::int64_t since =
      std::max({worker.front_since, worker.prefetched_since, waste_since_});
  const bool may_wait = now - since <= kStallNanoseconds;
  expect(may_wait && (may_gather() || is_soon_begun()), "nothing waits while one is idle");
}

// A few, to be handed over at once, behind a worker that has plenty to do.
bool Oracle::may_gather() const {
  const FakeWorker& worker = workers_[favourite_];
  return queued() < kBatch && worker.takes_tasks() && worker.mailbox.in_flight() >= kComfort;
}

// What the worker that was active last will have worked off before another is up.
bool Oracle::is_soon_begun() const {
  const FakeWorker& worker = workers_[favourite_];
  if (!loose_.empty()) return true;  // nobody knows who is first
  const Story* const head = next();
  if (head == nullptr || head->map != nullptr || !head->task->can_be_prefetched) return false;
  if (!worker.takes_tasks() || worker.mailbox.in_flight() == 0) return false;
  const std::uint64_t before = queued() + worker.mailbox.in_flight();
  return worker.mailbox.at(0).expected_ns <= kShortNanoseconds &&
         before * head->task->function->times.typical() <= kShortNanoseconds;
}

void Oracle::check_stalls(std::int64_t now) const {
  for (const FakeWorker& worker : workers_) {
    const std::int64_t since = std::max(worker.front_since, worker.prefetched_since);
    expect(now - since <= kStallNanoseconds || !worker.mailbox.has_revocable(),
           "nothing stands behind a stalled task for more than 2 ms");
  }
  check_work(now);
}

void Oracle::check_end(const Dispatcher& dispatcher, const std::deque<Story>& stories,
                       const std::deque<Map>& maps) const {
  expect(dispatcher.is_drained() && !dispatcher.has_workers(), "a closed pool ends");
  for (const Story& story : stories) {
    expect(story.announcements == 1, "every task gets a final status");
    expect(story.task->status() == story.final_status, "a final status stays");
    expect(story.task->pool == nullptr, "a task that is done has no pool");
    expect(matches(story), "a task ends as it went");
  }
  for (const Map& map : maps) check_map(map);
}

}  // namespace shoal::pool::simulation
