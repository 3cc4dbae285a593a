// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include "shoal/duration.hpp"
#include "shoal/future.hpp"
#include "shoal/local_call.hpp"
#include "shoal/pool_options.hpp"
#include "shoal/start_method.hpp"
#include "shoal/task_options.hpp"
#include "shoal/thread_map_result.hpp"

namespace shoal {

namespace thread {
class ThreadPool;
}

/// How a pool of threads is made.
struct ThreadPoolOptions {
  /// Threads: 1 to 1024. More than CPUs, since they are for tasks that wait.
  unsigned max_workers = std::min(32U, cpu_count() + 4);
  /// What debuggers call the threads, a number behind it; of both 15 characters are seen.
  std::string thread_name_prefix = "shoal-task";
  /// Runs once in every thread before its first task. If it throws, the pool is broken:
  /// BrokenPoolError with its message.
  std::function<void()> initializer = {};
};

/// ProcessPoolExecutor's twin with threads: for tasks that wait, or that are too short to travel. A
/// program that uses submit, map and shutdown swaps one for the other by a word.
///
/// Nothing is encoded: lambdas may capture, arguments and results may be of any type. Arguments are
/// copied or moved to the task as std::thread does; std::ref(object) passes the object itself.
/// A crash is the whole program's. A thread cannot be ended: TaskOptions::timeout is refused, and
/// Cancel::running reaches no more than Cancel::queued. this_task and worker_local are of worker
/// processes. A process that is forked while it lives has none of its threads.
/// Move-only; safe from many threads at once. In a forked copy of its process its members throw
/// std::logic_error and its destructor does nothing.
/// Source: Python concurrent.futures.ThreadPoolExecutor.
class ThreadPoolExecutor {
 public:
  /// @throws std::invalid_argument  max_workers is not within 1 to 1024
  /// @throws ResourceError          no threads are left
  explicit ThreadPoolExecutor(const ThreadPoolOptions& options = {});
  ThreadPoolExecutor(ThreadPoolExecutor&&) noexcept = default;
  ThreadPoolExecutor& operator=(ThreadPoolExecutor&& other) noexcept;
  /// Runs what was submitted, then ends the threads: shutdown().
  ~ThreadPoolExecutor();

  /// Runs `fn(args...)` in a thread. What it throws, get() throws: the same object.
  /// A task that waits for another one of its own pool needs a second thread.
  /// @throws PoolClosedError  after shutdown()
  template <class F, class... Args>
  requires internal::LocallyCallable<F, Args...> Future<internal::local_result_t<F, Args...>>
  submit(F&& fn, Args&&... args) {
    const internal::CallTarget target = internal::local_target<F>(fn);
    return Future<internal::local_result_t<F, Args...>>(start(
        target, internal::keep_call(std::forward<F>(fn), std::forward<Args>(args)...), nullptr));
  }
  /// The same, as `options` say. What has expired fails when a thread comes to it, at the latest.
  /// `retries` are for exceptions that `retry_if`, asked in the task's thread, wants tried again.
  /// @throws std::invalid_argument  an option makes no sense, or `timeout` is given
  template <class F, class... Args>
  requires internal::LocallyCallable<F, Args...> Future<internal::local_result_t<F, Args...>>
  submit(TaskOptions options, F&& fn, Args&&... args) {
    const internal::CallTarget target = internal::local_target<F>(fn);
    return Future<internal::local_result_t<F, Args...>>(
        start(target, internal::keep_call(std::forward<F>(fn), std::forward<Args>(args)...),
              checked(std::move(options))));
  }

  /// Calls `fn` with each element of `range` (of several ranges: with one of each, up to the end of
  /// the shortest) and gives the results in the order of the input, as they come. A function that
  /// returns nothing gives std::monostate. The input is read at once, or, by
  /// MapOptions::buffersize, little by little; `chunksize` has no effect, for nothing travels.
  /// `fn` is one object for all elements if it can be called as const, else each has a copy.
  /// Destroying what this returns cancels what has not started.
  /// @throws as submit()
  template <class F, std::ranges::input_range... Ranges>
  requires(sizeof...(Ranges) > 0 &&
           internal::LocallyCallable<
               F, std::ranges::range_reference_t<Ranges>...>) auto map(F fn, Ranges&&... ranges) {
    return map(MapOptions{}, std::move(fn), std::forward<Ranges>(ranges)...);
  }
  template <class F, std::ranges::input_range... Ranges>
  requires(sizeof...(Ranges) > 0 &&
           internal::LocallyCallable<
               F, std::ranges::range_reference_t<Ranges>...>) auto map(MapOptions options, F fn,
                                                                       Ranges&&... ranges) {
    using Result = internal::local_result_t<F, std::ranges::range_reference_t<Ranges>...>;
    auto policy = checked(options.task);
    auto submit_one = [this_pool = pool(), policy, target = internal::local_target<F>(fn),
                       fn = internal::share_if_const<F, std::ranges::range_reference_t<Ranges>...>(
                           std::move(fn))](auto&&... values) {
      return Future<Result>(start_in(
          this_pool, target,
          internal::keep_call(fn, std::forward<decltype(values)>(values)...), policy));
    };
    return ThreadMapResult<Result>(
        std::make_unique<internal::LocalSourceOf<Result, decltype(submit_one), Ranges...>>(
            std::move(submit_one), std::forward<Ranges>(ranges)...),
        options);
  }

  /// Ends the pool: no submit succeeds after this. Without `wait` it returns at once, and what was
  /// submitted goes on; the destructor waits for it.
  /// @throws std::logic_error  it is to wait, and this is one of the pool's own threads
  void shutdown(ShutdownOptions options = {});

 private:
  using Policy = std::shared_ptr<const TaskOptions>;

  static Policy checked(TaskOptions options);
  static std::shared_ptr<pool::Task> start_in(const std::shared_ptr<thread::ThreadPool>& pool,
                                              const internal::CallTarget& target,
                                              std::unique_ptr<internal::LocalCall> call,
                                              Policy policy);
  std::shared_ptr<pool::Task> start(const internal::CallTarget& target,
                                    std::unique_ptr<internal::LocalCall> call, Policy policy) {
    return start_in(pool(), target, std::move(call), std::move(policy));
  }
  const std::shared_ptr<thread::ThreadPool>& pool() const;

  std::shared_ptr<thread::ThreadPool> pool_;
};

}  // namespace shoal
