// SPDX-License-Identifier: Apache-2.0
#include "shoal/pool_metrics.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "memory/mapping.hpp"
#include "metrics/pool_metrics_layout.hpp"
#include "os/clock.hpp"
#include "os/foreign_memfd.hpp"
#include "os/sentinel.hpp"
#include "shoal/error.hpp"

namespace shoal {

using metrics::Buckets;
using metrics::Counter;
using metrics::HistogramCopy;
using metrics::SharedPoolMetrics;

struct PoolMetrics::Attachment {
  int pid;
  std::shared_ptr<const os::Fd> sentinel;
  memory::Mapping mapping;

  const SharedPoolMetrics& file() const noexcept {
    return *std::launder(reinterpret_cast<const SharedPoolMetrics*>(mapping.data()));
  }
};

namespace {

[[noreturn]] void raise(int pid, const os::Failure& failure) {
  const bool is_gone = failure.error == ENOENT || failure.error == ESRCH;
  throw Error(std::error_code(is_gone ? ESRCH : failure.error, std::generic_category()),
              "PoolMetrics::attach(" + std::to_string(pid) +
                  "): " + (is_gone ? "there is no such process here" : failure.to_string()) +
                  ": give the pid of a process of yours that runs");
}

// What has not our first word only has the name.
bool is_ours(const os::Fd& file, int pid) {
  struct Begin {
    std::uint64_t magic = 0;
    std::uint32_t version = 0;
    std::uint32_t pid = 0;
  } begin;
  const os::Result<void> done =
      os::read_at(file.get(), 0, std::as_writable_bytes(std::span(&begin, 1)));
  if (!done || begin.magic != metrics::kMetricsMagic) return false;
  if (begin.version != metrics::kMetricsVersion) {
    throw Error("PoolMetrics::attach(" + std::to_string(pid) +
                "): it runs another version of shoal: read it with a program built with that one");
  }
  return begin.pid == static_cast<std::uint32_t>(pid);  // else inherited by a forked copy
}

std::vector<PoolMetrics::Bucket> buckets_of(const HistogramCopy& histogram) {
  std::vector<PoolMetrics::Bucket> buckets;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0) continue;
    buckets.push_back({Duration(Buckets::begin_of(i + 1) - 1), histogram.counts[i]});
  }
  return buckets;
}

PoolStats stats_of(const SharedPoolMetrics& file) {
  const auto number = [&](Counter counter) {
    return file.counters[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  };
  return {.workers = static_cast<unsigned>(number(Counter::workers)),
          .idle = static_cast<unsigned>(number(Counter::idle)),
          .queued = number(Counter::queued),
          .running = number(Counter::running),
          .completed = number(Counter::completed),
          .failed = number(Counter::failed),
          .lost = number(Counter::lost),
          .restarted = number(Counter::restarted),
          .prefetch_depth = number(Counter::prefetch_depth),
          .revocations = number(Counter::revocations),
          .wakes = number(Counter::wakes),
          .spins = number(Counter::spins)};
}

std::vector<PoolMetrics::Worker> workers_of(const SharedPoolMetrics& file) {
  constexpr std::uint32_t kFirstState = 1;
  constexpr std::uint32_t kLastState = 3;
  std::vector<PoolMetrics::Worker> workers;
  const unsigned places =
      std::min(file.places.load(std::memory_order_relaxed), metrics::kMostPlaces);
  for (unsigned index = 0; index < places; ++index) {
    const auto& row = file.workers[index];
    const std::uint32_t state = row.state.load(std::memory_order_relaxed);
    if (state < kFirstState || state > kLastState) continue;
    workers.push_back({.index = index,
                       .pid = static_cast<int>(row.pid.load(std::memory_order_relaxed)),
                       .state = static_cast<PoolMetrics::State>(state - kFirstState),
                       .done = row.done.load(std::memory_order_relaxed),
                       .since = std::chrono::steady_clock::time_point(
                           Duration(row.since.load(std::memory_order_relaxed)))});
  }
  return workers;
}

}  // namespace

PoolMetrics::PoolMetrics(std::shared_ptr<const Attachment> attachment) noexcept
    : attachment_(std::move(attachment)) {}

// The sentinel comes first: if the process is alive behind it once the files are open, they are of
// this process and not of a later one with its pid.
std::vector<PoolMetrics> PoolMetrics::attach(int pid) {
  os::Result<os::Fd> opened = os::open_sentinel(pid);
  if (!opened) raise(pid, opened.error());
  const auto sentinel = std::make_shared<const os::Fd>(std::move(*opened));
  const os::Result<std::vector<os::Fd>> files = os::open_memfds_of(pid, metrics::kMetricsName);
  if (!files) raise(pid, files.error());
  if (os::has_ended(sentinel->get())) raise(pid, os::failure(ESRCH, "attach"));
  std::vector<PoolMetrics> pools;
  for (const os::Fd& file : *files) {
    if (!is_ours(file, pid)) continue;
    os::Result<memory::Mapping> mapping =
        memory::Mapping::map_foreign(file.get(), metrics::kMetricsBytes);
    if (!mapping && mapping.error().error == EPROTO) continue;
    if (!mapping) raise(pid, mapping.error());
    pools.push_back(PoolMetrics(
        std::make_shared<const Attachment>(Attachment{pid, sentinel, std::move(*mapping)})));
  }
  std::ranges::stable_sort(pools, {},
                           [](const PoolMetrics& pool) { return pool.attachment_->file().opened; });
  return pools;
}

PoolMetrics::Snapshot PoolMetrics::read() const {
  const SharedPoolMetrics& file = attachment_->file();
  const HistogramCopy latency = file.latency.read();
  const HistogramCopy run_time = file.run_time.read();
  Snapshot snapshot{.stats = stats_of(file),
                    .workers = workers_of(file),
                    .latency = buckets_of(latency),
                    .run_time = buckets_of(run_time)};
  snapshot.stats.latency = latency.percentiles();
  snapshot.stats.run_time = run_time.percentiles();
  return snapshot;
}

int PoolMetrics::pid() const noexcept { return attachment_->pid; }

Duration PoolMetrics::age() const noexcept {
  // As unsigned: what the file says may be any number.
  const auto now = static_cast<std::uint64_t>(os::coarse_nanoseconds());
  const std::uint64_t age = now - static_cast<std::uint64_t>(attachment_->file().opened);
  return Duration(static_cast<Duration::rep>(age));
}

bool PoolMetrics::is_alive() const noexcept { return !os::has_ended(attachment_->sentinel->get()); }

}  // namespace shoal
