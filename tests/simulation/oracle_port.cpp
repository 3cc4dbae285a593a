// SPDX-License-Identifier: Apache-2.0
// What the dispatcher may ask for.
#include <algorithm>

#include "simulation/ends.hpp"
#include "simulation/oracle.hpp"

namespace shoal::pool::simulation {
namespace {

using namespace std::chrono_literals;

// The rules' numbers, as written in the design; not taken from the dispatcher.
constexpr std::size_t kMostInHands = 64;
constexpr std::uint64_t kShortNanoseconds = 50'000;
constexpr Duration kLongestPause = 640ms;

}  // namespace

void Oracle::on_deliver(WorkerIndex index, Story& story, bool is_tried, std::int64_t now) {
  FakeWorker& worker = workers_[index];
  const Task& task = *story.task;
  expect(worker.takes_tasks(), "tasks go to workers that are ready and not deaf");
  expect(&story == next() || is_loose(story), "the head of the backlog goes first");
  expect(!story.has_run(), "what had started is not delivered again");
  expect(task.ticket > last_ticket_, "a ticket is used once");
  last_ticket_ = task.ticket;
  if (story.map != nullptr) check_split(story);
  const std::uint32_t expected = expected_ns(story);
  FakeMailbox& mailbox = worker.mailbox;
  if (mailbox.in_flight() > 0) {
    expect(task.can_be_prefetched, "what cannot be prefetched goes to idle workers");
    expect(mailbox.in_flight() < kMostInHands, "a worker has 64 tasks at most");
    expect(mailbox.at(0).expected_ns <= kShortNanoseconds, "nothing waits behind a long task");
    expect(!mailbox.at(0).has_surprised, "nothing more waits behind one that turned out long");
    expect(mailbox.prefetched_ns() + expected <= kShortNanoseconds,
           "what is prefetched runs for 50 us at most");
  }
  if (is_tried) return;
  leave_line(story);
  mailbox.write({&story, task.ticket, expected});
  favourite_ = index;
  depth_ = std::max(depth_, mailbox.prefetched());
  tally_.prefetched += mailbox.prefetched() > 0 ? 1 : 0;
  note_hands(worker, mailbox.in_flight() == 1, now);
}

// One element while nobody knows how long these are; else as many as run for 50 us, and not many
// times more than were ever run together.
void Oracle::check_split(const Story& story) const {
  const KnownTimes& times = times_[story.function];
  if (story.count == 1) return;
  expect(times.runs > 0, "a map begins with one element for each worker");
  expect(expected_ns(story) <= kShortNanoseconds, "a chunk runs for 50 us at most");
  expect(story.count <= 8 * times.longest, "chunks grow eightfold at most");
}

std::uint32_t Oracle::expected_ns(const Story& story) const {
  const std::uint32_t slowest = times_[story.function].slowest();
  if (story.map == nullptr) return slowest;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::uint64_t{slowest} * story.count, RunTimes::kUnknown));
}

void Oracle::on_split(const Story& story, Story& rest) {
  if (is_loose(story)) {
    loose_.push_back(&rest);
  } else if (const auto at = std::ranges::find(backlog_, &story); at != backlog_.end()) {
    backlog_.insert(at + 1, &rest);
  } else {
    backlog_.push_front(&rest);
  }
}

void Oracle::leave_line(const Story& story) {
  std::erase(loose_, &story);
  if (const auto at = std::ranges::find(backlog_, &story); at != backlog_.end()) backlog_.erase(at);
}

void Oracle::on_taken_back(WorkerIndex index, Story& story, std::int64_t now) {
  backlog_.push_front(&story);
  ++revocations_;
  ++tally_.revocations;
  note_hands(workers_[index], false, now);
}

void Oracle::on_impossible(Story& story) { story.verdict = Verdict::impossible; }

void Oracle::on_start_asked(WorkerIndex index, Duration delay) {
  FakeWorker& worker = workers_[index];
  expect(!worker.is_present && !worker.is_expected, "a place has one worker at most");
  expect(!is_over(), "nobody is started once a closed pool has nothing to do");
  expect(delay >= 0ms && delay <= kLongestPause, "a start is delayed by 640 ms at most");
  worker.is_expected = true;
  ++restarted_;
  ++tally_.starts;
}

void Oracle::on_dismissed(WorkerIndex index) {
  FakeWorker& worker = workers_[index];
  expect(is_over(), "workers are let go once a closed pool has nothing to do");
  expect(worker.is_present && !worker.is_deaf, "those who are there and listen are let go");
  expect(!worker.is_dismissed, "a worker is let go once");
  worker.is_dismissed = true;
}

// Everybody is waited for, so that each final status is announced.
void Oracle::on_final(Story& story, bool is_broken) {
  expect(story.task->is_done(), "what is announced is final");
  expect(++story.announcements == 1, "a task gets a final status once");
  story.final_status = story.task->status();
  const bool has_failed = story.final_status == Task::Status::failed;
  if (story.verdict == Verdict::open && is_loose(story)) {
    see_reason(story);
  } else if (story.verdict == Verdict::open && has_failed && is_broken) {
    story.verdict = Verdict::broken;
  }
  expect(story.verdict != Verdict::open, "a task is settled for a reason");
  const bool is_untouched = story.verdict == Verdict::cancelled || story.verdict == Verdict::broken;
  expect(!is_untouched || !story.has_run(), "what has started is lost, not cancelled");
  tally_.broken += story.verdict == Verdict::broken ? 1 : 0;
  tally_.lost += story.verdict == Verdict::lost ? 1 : 0;
  if (story.map != nullptr) settle_elements(story);
}

// Believes what the dispatcher says of a task whose worker broke the protocol.
void Oracle::see_reason(Story& story) {
  if (story.final_status == Task::Status::failed) story.verdict = reason_of(*story.task);
  if (story.final_status == Task::Status::finished) story.verdict = Verdict::value;
  lost_ += story.verdict == Verdict::lost ? 1 : 0;
  if (story.map == nullptr) return;
  const Part& part = *story.task->part;
  story.rest_count = story.count - part.count;
  story.count = part.count;
  story.done = part.done;
  values_ += part.done;
}

// The first `done` have a value, the others what became of their part.
void Oracle::settle_elements(const Story& story) {
  const Part& part = *story.task->part;
  expect(part.first == story.first && part.count == story.count, "a part has its elements");
  expect(part.done == story.done, "values that are there are delivered");
  for (std::size_t i = 0; i < story.count; ++i) {
    Element& element = story.element(i);
    expect(element.verdict == Verdict::open, "an element is settled once");
    element.verdict = i < story.done ? Verdict::value : story.verdict;
    expect(i >= story.done || element.runs > 0, "a value comes from a run");
  }
}

void Oracle::on_stall_timer(Duration delay) const {
  expect(delay > 0ms && delay <= 2ms, "stalls are looked for after 2 ms at most");
  const bool is_kept_waiting =
      queued() > 0 && std::ranges::any_of(workers_, &FakeWorker::is_idle);
  const bool may_stall = std::ranges::any_of(workers_, [](const FakeWorker& worker) {
    if (worker.mailbox.in_flight() == 0) return false;
    return worker.mailbox.prefetched() > 0 || worker.mailbox.at(0).story->count > 1;
  });
  expect(is_kept_waiting || may_stall, "the stall timer runs while somebody may be kept waiting");
}

}  // namespace shoal::pool::simulation
