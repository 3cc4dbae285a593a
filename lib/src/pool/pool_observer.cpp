// SPDX-License-Identifier: Apache-2.0
#include "pool/pool_observer.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "os/clock.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

using metrics::Counter;
using metrics::MetricsFile;

MetricsFile create_metrics(unsigned places) {
  os::Result<MetricsFile> metrics = MetricsFile::create(places);
  if (metrics) return std::move(*metrics);
  throw ResourceError(std::error_code(metrics.error().error, std::generic_category()),
                      "a pool needs " + metrics.error().to_string());
}

std::string worker_name(WorkerIndex index) { return "PoolWorker-" + std::to_string(index + 1); }

}  // namespace

PoolObserver::PoolObserver(unsigned places) : metrics_(create_metrics(places)), places_(places) {}

std::int64_t PoolObserver::now() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

PoolObserver::Place& PoolObserver::place(WorkerIndex index) {
  if (index >= places_.size()) places_.resize(index + 1);
  return places_[index];
}

// --- tasks --------------------------------------------------------------------------------------

void PoolObserver::on_busy(WorkerIndex index) noexcept {
  metrics_.set_state(index, MetricsFile::State::busy, os::coarse_nanoseconds());
}

void PoolObserver::on_results(WorkerIndex index, std::size_t count, bool has_more,
                              std::int64_t ended) noexcept {
  metrics_.add_done(index, count, has_more ? MetricsFile::State::busy : MetricsFile::State::idle,
                    ended);
}

// A run that lasted longer than a number of nanoseconds has room for says so by its times.
void PoolObserver::record_run(const Completed& completed, bool is_part) noexcept {
  const auto nanoseconds = static_cast<std::uint64_t>(completed.ended - completed.started);
  if (!is_part) return metrics_.run_time().record(nanoseconds);
  const std::size_t failed = completed.status == Task::Status::raised ? 1 : 0;
  const std::size_t items = std::max<std::size_t>(1, completed.items + failed);
  metrics_.run_time().record(nanoseconds / items, items);
}

void PoolObserver::record_latency(const Task& task) noexcept {
  metrics_.latency().record(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now() - task.submitted_ns)));
}

void PoolObserver::trace_result(WorkerIndex index, const Task& task,
                                const Completed& completed) noexcept {
  TraceEvent event;
  event.outcome = completed.status == Task::Status::finished ? "value" : "exception";
  event.started = completed.started;
  event.ended = completed.ended;
  if (task.part != nullptr) {
    event.items = completed.items + (completed.status == Task::Status::raised ? 1 : 0);
  }
  trace_run(index, task, std::move(event));
}

void PoolObserver::on_lost(WorkerIndex index, const Task& task, std::int64_t started) noexcept {
  if (trace_ == nullptr) return;
  TraceEvent event;
  event.outcome = "lost";
  event.started = started;
  event.ended = now();
  trace_run(index, task, std::move(event));
}

// Without the memory for it the event is left out; the task goes on.
void PoolObserver::trace_run(WorkerIndex index, const Task& task, TraceEvent event) noexcept try {
  Place& row = place(index);
  event.name = task.name();
  event.ticket = task.ticket;
  event.attempt = task.attempt;
  event.submitted = task.submitted_ns;
  event.pid = row.pid;
  // A worker's word for it, and no lies about the future or about what has been told already.
  const std::int64_t latest = std::max(row.traced_until, now());
  event.started = std::clamp(event.started, row.traced_until, latest);
  event.ended = std::clamp(event.ended, event.started, latest);
  row.traced_until = event.ended;
  if (trace_->add(std::move(event))) wants_write_ = true;
} catch (const std::bad_alloc&) {
}

// --- workers ------------------------------------------------------------------------------------

// Without the memory for it the row has no name.
void PoolObserver::on_started(WorkerIndex index, int pid) noexcept try {
  metrics_.set_worker(index, pid, MetricsFile::State::starting);
  place(index) = {pid, 0};
  name_row(index);
} catch (const std::bad_alloc&) {
}

void PoolObserver::on_ready(WorkerIndex index) noexcept {
  metrics_.set_state(index, MetricsFile::State::idle, os::coarse_nanoseconds());
}

void PoolObserver::on_ended(WorkerIndex index) noexcept {
  metrics_.set_worker(index, 0, MetricsFile::State::nobody);
}

// --- numbers ------------------------------------------------------------------------------------

void PoolObserver::set_counts(const Dispatcher::Counts& counts) noexcept {
  set_queue(counts.queued, counts.running);
  metrics_.set(Counter::workers, counts.workers);
  metrics_.set(Counter::idle, counts.idle);
  metrics_.set(Counter::completed, counts.completed);
  metrics_.set(Counter::failed, counts.failed);
  metrics_.set(Counter::lost, counts.lost);
  metrics_.set(Counter::restarted, counts.restarted);
  metrics_.set(Counter::prefetch_depth, counts.prefetch_depth);
  metrics_.set(Counter::revocations, counts.revocations);
}

void PoolObserver::complete(PoolStats& stats) noexcept {
  metrics_.set(Counter::wakes, stats.wakes);
  metrics_.set(Counter::spins, stats.spins);
  stats.latency = metrics_.latency().read().percentiles();
  stats.run_time = metrics_.run_time().read().percentiles();
}

// --- the timeline -------------------------------------------------------------------------------

std::shared_ptr<Trace> PoolObserver::set_trace(std::shared_ptr<Trace> trace) {
  std::shared_ptr<Trace> before = std::exchange(trace_, std::move(trace));
  wants_write_ = false;
  for (WorkerIndex index = 0; index < places_.size(); ++index) name_row(index);
  return before;
}

void PoolObserver::name_row(WorkerIndex index) {
  if (trace_ == nullptr || places_[index].pid == 0) return;
  if (trace_->add_line(trace_name_line(places_[index].pid, worker_name(index)))) {
    wants_write_ = true;
  }
}

std::shared_ptr<Trace> PoolObserver::take_wish() noexcept {
  return std::exchange(wants_write_, false) ? trace_ : nullptr;
}

}  // namespace shoal::pool
