// SPDX-License-Identifier: Apache-2.0
#include "shoal/process_pool_executor.hpp"

#include <stdexcept>
#include <string>

#include "pool/process_pool.hpp"
#include "process/runtime.hpp"

namespace shoal {
namespace {

constexpr unsigned kMostWorkers = 1024;

const PoolOptions& check(const PoolOptions& options) {
  if (options.spin < Duration::zero()) {
    throw std::invalid_argument("PoolOptions::spin is negative: give 0 to sleep at once");
  }
  if (options.max_workers >= 1 && options.max_workers <= kMostWorkers) return options;
  throw std::invalid_argument("PoolOptions::max_workers is " + std::to_string(options.max_workers) +
                              ": give 1 to " + std::to_string(kMostWorkers));
}

}  // namespace

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
                                                                Writer&& arguments) {
  return pool().submit(call, std::move(arguments));
}

internal::MapCursor ProcessPoolExecutor::submit_items(const internal::CallTarget& call,
                                                      std::vector<internal::ItemBatch> batches) {
  std::size_t count = 0;
  for (const internal::ItemBatch& batch : batches) count += batch.count;
  return {pool().submit(call, std::move(batches)), count};
}

internal::WriterMemory& ProcessPoolExecutor::argument_memory() const {
  return pool().argument_memory();
}

void ProcessPoolExecutor::shutdown(ShutdownOptions options) {
  pool::ProcessPool& pool = this->pool();
  pool.close(options.cancel_futures);
  if (options.wait) pool.join();
}

PoolStats ProcessPoolExecutor::stats() const { return pool().stats(); }

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
