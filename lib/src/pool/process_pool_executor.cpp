// SPDX-License-Identifier: Apache-2.0
#include "shoal/process_pool_executor.hpp"

#include <algorithm>
#include <csignal>
#include <limits>
#include <stdexcept>
#include <string>

#include "pool/check_options.hpp"
#include "pool/map_course.hpp"
#include "pool/process_pool.hpp"
#include "pool/task_policy.hpp"
#include "process/runtime.hpp"
#include "shoal/progress.hpp"

namespace shoal {
namespace {

const PoolOptions& check(const PoolOptions& options) {
  constexpr Duration kSome{1};
  pool::check_workers("PoolOptions::max_workers", options.max_workers);
  process::check_confinement({options.limits, options.sandbox}, "PoolOptions");
  pool::check_duration("PoolOptions::spin", options.spin, Duration::zero());
  pool::check_duration("PoolOptions::grace", options.grace, Duration::zero());
  pool::check_duration("PoolOptions::task_timeout", options.task_timeout, kSome);
  pool::check_duration("PoolOptions::max_age_per_child", options.max_age_per_child, kSome);
  pool::check_duration("PoolOptions::restart.within", options.restart.within, Duration::zero());
  return options;
}

}  // namespace

void internal::check(const MapOptions& options) {
  pool::check(options.task);
  if (options.task.retry_if == nullptr) return;
  throw std::invalid_argument(
      "MapOptions::task.retry_if: the elements of a map are not run again after an exception");
}

internal::Submission internal::prepare(Writer& arguments, TaskOptions options, bool may_wait) {
  pool::check(options);
  Submission how;
  how.name_bytes = static_cast<std::uint8_t>(
      std::min<std::size_t>(options.name.size(), std::numeric_limits<std::uint8_t>::max()));
  arguments.write(options.name.data(), how.name_bytes);
  how.options = pool::policy_of(std::move(options));
  how.may_wait = may_wait;
  return how;
}

ProcessPoolExecutor::ProcessPoolExecutor(const PoolOptions& options)
    : pool_(pool::ProcessPool::open(check(options))), generation_(process::Runtime::generation()) {}

ProcessPoolExecutor& ProcessPoolExecutor::operator=(ProcessPoolExecutor&& other) noexcept {
  ProcessPoolExecutor old(std::move(*this));
  pool_ = std::move(other.pool_);
  generation_ = other.generation_;
  return *this;
}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  if (pool_ == nullptr || is_elsewhere()) return;
  pool_->close(false);
  pool_->join();
}

std::shared_ptr<pool::Task> ProcessPoolExecutor::submit_encoded(const internal::CallTarget& call,
                                                                Writer&& arguments,
                                                                const internal::Submission& how) {
  return pool().submit(call, std::move(arguments), how);
}

internal::MapCursor ProcessPoolExecutor::submit_items(const internal::CallTarget& call,
                                                      std::vector<internal::ItemBatch> batches,
                                                      const MapOptions& options) {
  std::size_t count = 0;
  for (const internal::ItemBatch& batch : batches) count += batch.count;
  pool();  // there is one
  auto bar = internal::show_map(options.progress, batches);
  internal::MapCursor cursor;
  if (options.timeout == forever) {
    cursor = {pool_->submit(call, std::move(batches), options), count};
  } else {
    auto course = std::make_shared<pool::MapCourse>(pool_, options, internal::MapStyle{});
    course->submit(call, std::move(batches));
    cursor = {std::move(course), count};
  }
  cursor.keep(std::move(bar));
  return cursor;
}

internal::MapCursor ProcessPoolExecutor::submit_source(const internal::CallTarget& call,
                                                       std::unique_ptr<internal::MapSource> source,
                                                       const MapOptions& options,
                                                       internal::MapStyle style) {
  pool();  // there is one
  auto course = std::make_shared<pool::MapCourse>(pool_, options, style);
  const std::size_t count = course->open(call, std::move(source));
  return {std::move(course), count};
}

internal::WriterMemory& ProcessPoolExecutor::argument_memory() const {
  return pool().argument_memory();
}

void ProcessPoolExecutor::shutdown(ShutdownOptions options) {
  pool::ProcessPool& pool = this->pool();
  pool.close(options.cancel_futures);
  if (options.wait) pool.join();
}

void ProcessPoolExecutor::resize(unsigned max_workers) {
  pool::check_workers("resize: the number of workers", max_workers);
  pool().resize(max_workers);
}

void ProcessPoolExecutor::terminate_workers() {
  pool().end_workers(SIGTERM);
  pool().join();
}

void ProcessPoolExecutor::kill_workers() {
  pool().end_workers(SIGKILL);
  pool().join();
}

PoolStats ProcessPoolExecutor::stats() const { return pool().stats(); }

void ProcessPoolExecutor::trace(const std::filesystem::path& file) {
  pool::ProcessPool& pool = this->pool();
  pool.trace(pool::Trace::open(file.string()));
}

void ProcessPoolExecutor::stop_trace() { pool().trace(nullptr); }

pool::ProcessPool& ProcessPoolExecutor::pool() const {
  if (pool_ == nullptr) throw std::logic_error("ProcessPoolExecutor: it was moved from");
  if (is_elsewhere()) {
    throw std::logic_error(
        "ProcessPoolExecutor: it belongs to the process that this one was forked from; make one "
        "here");
  }
  return *pool_;
}

bool ProcessPoolExecutor::is_elsewhere() const noexcept {
  return generation_ != process::Runtime::generation();
}

ProcessPoolExecutor Context::executor(unsigned max_workers) const {
  return ProcessPoolExecutor(PoolOptions{.max_workers = max_workers, .context = *this});
}

}  // namespace shoal
