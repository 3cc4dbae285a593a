// SPDX-License-Identifier: Apache-2.0
#include "simulation/oracle.hpp"

#include <algorithm>

#include "simulation/promises.hpp"

namespace shoal::pool::simulation {

// --- what happens -------------------------------------------------------------------------------

void Oracle::on_result(WorkerIndex index, Verdict verdict, std::size_t items, std::int64_t now) {
  FakeWorker& worker = workers_[index];
  Story& story = *worker.mailbox.at(0).story;
  const FakeMailbox::Completion completion = worker.mailbox.found();
  worker.mailbox.release();
  story.verdict = verdict;
  const bool has_failed = verdict != Verdict::value;
  const std::size_t run = items + (verdict == Verdict::exception ? 1 : 0);
  times_[story.function].record(completion.nanoseconds, std::max<std::size_t>(run, 1));
  if (story.map == nullptr) {
    values_ += has_failed ? 0 : 1;
  } else if (verdict == Verdict::no_room) {
    story.verdict = Verdict::open;
    if (kForgivesNoRoom) story.lie_about();
    loose_.push_back(&story);
  } else {
    end_part(story, items, has_failed);
    values_ += items;
  }
  exceptions_ += verdict == Verdict::exception ? 1 : 0;
  favourite_ = index;
  note_hands(worker, true, now);
}

void Oracle::end_part(Story& story, std::size_t done, bool has_failed) {
  const std::size_t settled = done + (has_failed ? 1 : 0);
  story.done = done;
  story.rest_count = story.count - settled;
  story.count = settled;
}

void Oracle::on_start_failed(WorkerIndex index) {
  workers_[index].is_expected = false;
  if (is_over()) return;
  ++failures_;
  const std::size_t budget = std::max<std::size_t>(8, 2 * workers_.size());
  if (failures_ >= budget && !has_ready()) may_be_broken_ = true;
}

void Oracle::on_started(WorkerIndex index) {
  workers_[index].is_expected = false;
  workers_[index].is_present = true;
}

void Oracle::on_ready(WorkerIndex index) {
  workers_[index].is_ready = true;
  failures_ = 0;
}

// A task that may have started is lost; the others go back to the head of the line, in their order.
void Oracle::on_ended(WorkerIndex index, std::size_t items) {
  FakeWorker gone = std::move(workers_[index]);
  workers_[index] = FakeWorker();
  workers_[index].incarnation = gone.incarnation + 1;
  for (std::size_t i = gone.mailbox.in_flight(); i-- > 0;) {
    const FakeMailbox::Entry& entry = gone.mailbox.at(i);
    Story& story = *entry.story;
    if (gone.has_lied_about_taken || (gone.has_violated && kForgivesViolators)) story.lie_about();
    if (kForgivesHiddenProgress && gone.is_progress_hidden) story.lie_about();
    if (gone.has_violated || (story.map != nullptr && gone.is_progress_hidden)) {
      loose_.push_back(&story);
    } else if (entry.ticket > gone.mailbox.taken()) {
      backlog_.push_front(&story);
      ++tally_.requeued;
    } else {
      const bool is_whole = story.map != nullptr && items == story.count;
      story.verdict = is_whole ? Verdict::value : Verdict::lost;
      if (story.map != nullptr) end_part(story, items, !is_whole);
      values_ += story.done;
      lost_ += is_whole ? 0 : 1;
    }
  }
  if (!gone.is_ready && !gone.is_dismissed) on_start_failed(index);
}

void Oracle::on_user_code(Story& story, std::size_t item) {
  expect(story.task->status() == Task::Status::running, "user code runs for a running task only");
  if (story.map == nullptr) {
    expect(++story.runs == 1 || story.is_lied_about, "user code runs once at most");
    return;
  }
  Element& element = story.element(item);
  expect(item < story.count, "a part has the elements it was delivered with");
  expect(++element.runs == 1 || element.is_lied_about, "an element runs once at most");
  expect(kForgivesUnwanted || !story.map->is_dropped || story.may_run_dropped,
         "what is dropped is not begun");
}

// --- what is remembered -------------------------------------------------------------------------

void Oracle::note_hands(FakeWorker& worker, bool has_new_front, std::int64_t now) const {
  if (has_new_front) worker.front_since = now;
  if (worker.mailbox.prefetched() <= 1) worker.prefetched_since = now;
}

std::size_t Oracle::in_hands() const {
  std::size_t count = 0;
  for (const FakeWorker& worker : workers_) count += worker.mailbox.in_flight();
  return count;
}

bool Oracle::is_loose(const Story& story) const {
  return std::ranges::find(loose_, &story) != loose_.end();
}

bool Oracle::is_drained() const { return backlog_.empty() && loose_.empty() && in_hands() == 0; }

bool Oracle::has_ready() const { return std::ranges::any_of(workers_, &FakeWorker::is_ready); }

}  // namespace shoal::pool::simulation
