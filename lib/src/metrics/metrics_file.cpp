// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_file.hpp"

#include <new>
#include <utility>

#include "os/child.hpp"
#include "os/clock.hpp"
#include "os/memfd.hpp"

namespace shoal::metrics {

os::Result<MetricsFile> MetricsFile::create(unsigned places) {
  os::Result<os::Fd> file = os::create_shared_file(kMetricsName, kMetricsBytes);
  if (!file) return file.error();
  os::Result<memory::Mapping> mapping =
      memory::Mapping::map(file->get(), kMetricsBytes, memory::Access::read_write);
  if (!mapping) return mapping.error();
  const os::Result<void> sealed = os::seal(file->get(), os::Writers::those_who_mapped);
  if (!sealed) return sealed.error();

  MetricsFile metrics;
  metrics.fd_ = std::move(*file);
  metrics.mapping_ = std::move(*mapping);
  SharedPoolMetrics& shared = metrics.file();
  shared.version = kMetricsVersion;
  shared.pid = static_cast<std::uint32_t>(os::process_id());
  shared.bytes = kMetricsBytes;
  shared.opened = os::coarse_nanoseconds();
  shared.places.store(places, std::memory_order_relaxed);
  // release: the header comes before, for whoever reads this word.
  shared.magic.store(kMetricsMagic, std::memory_order_release);
  return metrics;
}

void MetricsFile::set_worker(unsigned index, int pid, State state) noexcept {
  WorkerRow<sync::Hardware>& worker = row(index);
  worker.done.store(0, std::memory_order_relaxed);
  worker.pid.store(static_cast<std::uint32_t>(pid), std::memory_order_relaxed);
  set_state(index, state, os::coarse_nanoseconds());
}

void MetricsFile::set_state(unsigned index, State state, std::int64_t since) noexcept {
  WorkerRow<sync::Hardware>& worker = row(index);
  worker.since.store(since, std::memory_order_relaxed);
  worker.state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

void MetricsFile::add_done(unsigned index, std::uint64_t count, State state,
                           std::int64_t since) noexcept {
  WorkerRow<sync::Hardware>& worker = row(index);
  const std::uint64_t before = worker.done.load(std::memory_order_relaxed);
  worker.done.store(before + count, std::memory_order_relaxed);
  set_state(index, state, since);
}

// Places beyond those the pool began with come into use when it grows.
WorkerRow<sync::Hardware>& MetricsFile::row(unsigned index) noexcept {
  SharedPoolMetrics& shared = file();
  if (index >= shared.places.load(std::memory_order_relaxed)) {
    shared.places.store(index + 1, std::memory_order_relaxed);
  }
  return shared.workers[index];
}

SharedPoolMetrics& MetricsFile::file() const noexcept {
  return *std::launder(reinterpret_cast<SharedPoolMetrics*>(mapping_.data()));
}

}  // namespace shoal::metrics
