// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pool/engine.hpp"
#include "pool/local_task.hpp"
#include "shoal/thread_pool_executor.hpp"

namespace shoal::thread {

/// The threads of one executor. Its state is under the engine's lock, as that of all tasks is;
/// users' code runs without. Joined before it goes.
///
/// They are no boost::asio::thread_pool: that one waits for ever where one of its threads cannot be
/// had, and ends the program where memory runs out.
class ThreadPool final : public pool::LocalHome {
 public:
  /// @throws ResourceError  no threads are left
  explicit ThreadPool(const ThreadPoolOptions& options);

  /// Queues a call.
  /// @throws PoolClosedError  nothing was queued
  pool::TaskRef submit(const internal::CallTarget& target,
                       std::unique_ptr<internal::LocalCall> call, pool::TaskPolicy policy);
  void close(bool cancel_queued);
  /// Waits until no task is left of a closed pool, and ends the threads.
  /// @throws std::logic_error  this is one of them
  void join();
  /// True on one of the pool's threads.
  bool is_here() const noexcept;
  /// Of the process that made it.
  std::uint32_t generation() const noexcept { return generation_; }

  Duration spin() const noexcept override { return Duration::zero(); }
  bool cancel(pool::Task& task, Cancel reach) override;
  std::optional<double> progress(const pool::Task&) const override { return std::nullopt; }

  pool::TaskRef make_task(const internal::CallTarget& target,
                          std::unique_ptr<internal::LocalCall> call) override;
  bool expect(const pool::TaskRef& task) override;
  void feed(const pool::TaskRef& task) override;
  void fail(const pool::TaskRef& task, std::function<void()> thrower) override;

 private:
  void enter(const pool::TaskRef& task);
  void enqueue(const pool::TaskRef& task);
  void serve(unsigned number);
  void prepare(unsigned number) noexcept;
  pool::TaskRef next();
  void run(const pool::TaskRef& task);
  void end_threads();
  bool may_run_again(const pool::Task& task);
  bool delay(const pool::TaskRef& task);
  void watch_expiry(const pool::TaskRef& task);
  void expire(pool::Task& task);
  void finish(pool::Task& task, pool::Task::Status status);
  void cancel(pool::Task& task);
  template <class Thrower>
  void fail_by(pool::Task& task, Thrower&& thrower,
               pool::Task::Status status = pool::Task::Status::failed) {
    try {
      task.fail_by(std::forward<Thrower>(thrower));
    } catch (const std::bad_alloc&) {  // that is what raise() throws then
    }
    finish(task, status);
  }
  std::shared_ptr<ThreadPool> self() {
    return std::static_pointer_cast<ThreadPool>(shared_from_this());
  }

  pool::Engine& engine_;
  const ThreadPoolOptions options_;
  const std::uint32_t generation_;
  std::multimap<int, pool::TaskRef, std::greater<>> queue_;  // by priority; cancelled ones, too
  std::set<pool::TaskRef> waiting_;  // for their predecessor, or for their next attempt
  std::size_t unfinished_ = 0;
  std::uint64_t next_id_ = 1;
  bool is_closed_ = false;
  bool cancels_ = false;
  std::string broken_reason_;
  bool is_over_ = false;  // its threads leave
  bool is_joined_by_notifier_ = false;
  std::condition_variable work_;
  std::condition_variable done_;
  std::mutex join_mutex_;  // taken first; for what follows
  std::vector<std::thread> threads_;
};

}  // namespace shoal::thread
