// SPDX-License-Identifier: Apache-2.0
#include "shoal/thread_pool_executor.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "pool/check_options.hpp"
#include "pool/task_policy.hpp"
#include "process/runtime.hpp"
#include "thread/thread_pool.hpp"

namespace shoal {

ThreadPoolExecutor::ThreadPoolExecutor(const ThreadPoolOptions& options) {
  pool::check_workers("ThreadPoolOptions::max_workers", options.max_workers);
  pool_ = std::make_shared<thread::ThreadPool>(options);
}

ThreadPoolExecutor& ThreadPoolExecutor::operator=(ThreadPoolExecutor&& other) noexcept {
  const ThreadPoolExecutor old(std::move(*this));
  pool_ = std::move(other.pool_);
  return *this;
}

ThreadPoolExecutor::~ThreadPoolExecutor() {
  if (pool_ == nullptr) return;
  const bool is_elsewhere = pool_->generation() != process::Runtime::generation();
  if (!is_elsewhere) pool_->close(false);
  if (is_elsewhere || pool_->is_here()) {
    // A copy of another process' threads; or one of the threads, which cannot wait for itself.
    static_cast<void>(new std::shared_ptr<thread::ThreadPool>(std::move(pool_)));
    return;
  }
  pool_->join();
}

void ThreadPoolExecutor::shutdown(ShutdownOptions options) {
  const std::shared_ptr<thread::ThreadPool>& pool = this->pool();
  pool->close(options.cancel_futures);
  if (options.wait) pool->join();
}

ThreadPoolExecutor::Policy ThreadPoolExecutor::checked(TaskOptions options) {
  pool::check(options);
  if (options.timeout != forever) {
    throw std::invalid_argument(
        "TaskOptions::timeout is given, but a thread cannot be ended: use a ProcessPoolExecutor, "
        "or wait for a limited time");
  }
  return pool::policy_of(std::move(options));
}

std::shared_ptr<pool::Task> ThreadPoolExecutor::start_in(
    const std::shared_ptr<thread::ThreadPool>& pool, const internal::CallTarget& target,
    std::unique_ptr<internal::LocalCall> call, Policy policy) {
  return pool->submit(target, std::move(call), std::move(policy));
}

const std::shared_ptr<thread::ThreadPool>& ThreadPoolExecutor::pool() const {
  if (pool_ == nullptr) throw std::logic_error("ThreadPoolExecutor: it was moved from");
  if (pool_->generation() != process::Runtime::generation()) {
    throw std::logic_error(
        "ThreadPoolExecutor: it belongs to the process that this one was forked from; make one "
        "here");
  }
  return pool_;
}

}  // namespace shoal
