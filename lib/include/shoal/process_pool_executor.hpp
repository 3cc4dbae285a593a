// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/function.hpp"
#include "shoal/future.hpp"
#include "shoal/item_encoder.hpp"
#include "shoal/map_result.hpp"
#include "shoal/map_source.hpp"
#include "shoal/pool_options.hpp"
#include "shoal/pool_stats.hpp"
#include "shoal/task_options.hpp"
#include "shoal/task_registry.hpp"

namespace shoal {

namespace pool {
class ProcessPool;
}

namespace internal {

/// How a task is queued.
struct Submission {
  std::shared_ptr<const TaskOptions> options = {};
  std::uint8_t name_bytes = 0;  ///< of the arguments, the first: TaskOptions::name
  bool may_wait = true;         ///< while the queue is full
};

/// Checks `options` and writes what the worker is to know of them in front of the arguments.
/// @throws std::invalid_argument  an option makes no sense
Submission prepare(Writer& arguments, TaskOptions options, bool may_wait);
void check(const MapOptions& options);

}  // namespace internal

/// A pool of worker processes that run functions and send back what they return.
///
/// A worker that dies (a crash, kill -9, exit(), the memory killer) takes down the one task that it
/// had started, whose future throws WorkerLostError; it is replaced, and every other task runs.
/// If the process that made the pool dies, all workers die with it.
/// Move-only; safe from many threads at once. In a forked copy of its process its members throw
/// std::logic_error and its destructor does nothing.
/// Source: Python concurrent.futures.ProcessPoolExecutor.
class ProcessPoolExecutor {
 public:
  /// Starts the workers.
  /// @throws std::invalid_argument  PoolOptions::max_workers is not within 1 to 1024
  /// @throws StartError             a worker could not be started, or bootstrap() was not called
  /// @throws ResourceError          no descriptors or shared memory are left
  explicit ProcessPoolExecutor(const PoolOptions& options = {});
  ProcessPoolExecutor(ProcessPoolExecutor&& other) noexcept = default;
  ProcessPoolExecutor& operator=(ProcessPoolExecutor&& other) noexcept;
  /// Runs what was submitted, then ends the workers: shutdown().
  ~ProcessPoolExecutor();

  /// Runs `fn(args...)` in a worker. What may be called and sent: function.hpp and codec.hpp. The
  /// arguments are encoded before it returns, so that the caller may change them afterwards.
  /// @throws PoolClosedError  after shutdown()
  /// @throws CodecError       an argument cannot be sent, or the function is in no loaded library
  /// @throws ResourceError    the arguments carry too many descriptors; or the queue is full, and a
  ///                          callback must not wait for it
  /// Waits while PoolOptions::max_queued tasks, or max_queued_bytes, wait for a worker.
  /// Cost: one encode, one copy; a system call only if the worker sleeps.
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> Future<internal::task_result_t<F, Args...>> submit(
      F&& fn, Args&&... args) {
    return Future<internal::task_result_t<F, Args...>>(
        start({}, std::forward<F>(fn), std::forward<Args>(args)...));
  }
  /// The same, as `options` say: `pool.submit({.timeout = 2s}, fn)`.
  /// @throws std::invalid_argument  an option makes no sense, and as submit()
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> Future<internal::task_result_t<F, Args...>> submit(
      TaskOptions options, F&& fn, Args&&... args) {
    return Future<internal::task_result_t<F, Args...>>(start_with(
        std::move(options), true, std::forward<F>(fn), std::forward<Args>(args)...));
  }

  /// As submit(), but gives none where that would wait.
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...>
      std::optional<Future<internal::task_result_t<F, Args...>>> try_submit(F&& fn,
                                                                           Args&&... args) {
    return found<internal::task_result_t<F, Args...>>(
        start({.may_wait = false}, std::forward<F>(fn), std::forward<Args>(args)...));
  }
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...>
      std::optional<Future<internal::task_result_t<F, Args...>>> try_submit(TaskOptions options,
                                                                           F&& fn, Args&&... args) {
    return found<internal::task_result_t<F, Args...>>(start_with(
        std::move(options), false, std::forward<F>(fn), std::forward<Args>(args)...));
  }

  /// Runs in a worker the task that this process knows by that name:
  ///   Future<int> f = pool.submit<int>("demo.add", 2, 3);
  /// Arguments and result must be of exactly the types that were registered; characters go as
  /// std::string.
  /// @throws std::invalid_argument  there is no such task: register_task(), load_task_module()
  /// @throws CodecError             its types are others   @throws as submit() above
  template <class R, class... Args>
  Future<R> submit(std::string_view name, Args&&... args) {
    Writer arguments(argument_memory());
    const internal::CallTarget call =
        internal::encode_call_by_name<R>(arguments, name, std::forward<Args>(args)...);
    return Future<R>(submit_encoded(call, std::move(arguments), {}));
  }
  template <class R, class... Args>
  Future<R> submit(TaskOptions options, std::string_view name, Args&&... args) {
    Writer arguments(argument_memory());
    const internal::Submission how = internal::prepare(arguments, std::move(options), true);
    const internal::CallTarget call =
        internal::encode_call_by_name<R>(arguments, name, std::forward<Args>(args)...);
    return Future<R>(submit_encoded(call, std::move(arguments), how));
  }

  /// Calls `fn` with each element of `range` (of several ranges: with one of each, up to the end of
  /// the shortest) and gives the results in the order of the input, as they come. A function that
  /// returns nothing gives std::monostate. The input is read at once. An element's exception is
  /// thrown on reaching it, and the next increment goes on. Destroying what this returns cancels
  /// what has not started.
  /// Elements travel in chunks of some 50 us, by measuring: an element that runs longer is alone.
  /// Yet each is a task of its own: if a worker dies, the one that it ran is lost.
  /// @throws as submit()
  template <class F, std::ranges::input_range... Ranges>
  requires(sizeof...(Ranges) > 0 &&
           internal::TaskShaped<
               F, std::ranges::range_reference_t<Ranges>...>) auto map(F fn, Ranges&&... ranges) {
    using Result = internal::task_result_t<F, std::ranges::range_reference_t<Ranges>...>;
    internal::ItemEncoder items(argument_memory());
    const internal::CallTarget call = items.encode(fn, ranges...);
    return MapResult<Result>(submit_items(call, std::move(items).finish(), {}));
  }
  /// As map(fn, ranges...), as `options` say: in chunks of a fixed size, for a limited time, reading
  /// the input little by little. An exception of the input's iterators is thrown, in that case, on
  /// reaching the place of the element that could not be read.
  template <class F, std::ranges::input_range... Ranges>
  requires(sizeof...(Ranges) > 0 &&
           internal::TaskShaped<
               F, std::ranges::range_reference_t<Ranges>...>) auto map(MapOptions options, F fn,
                                                                       Ranges&&... ranges) {
    using Result = internal::task_result_t<F, std::ranges::range_reference_t<Ranges>...>;
    internal::check(options);
    if (options.buffersize > 0) {
      const internal::CallTarget call =
          internal::checked_items_target<F, std::ranges::range_reference_t<Ranges>...>(fn);
      auto source = std::make_unique<internal::RangeSource<F, Ranges...>>(
          std::move(fn), std::forward<Ranges>(ranges)...);
      return MapResult<Result>(submit_source(call, std::move(source), options, {}));
    }
    const auto begin = std::chrono::steady_clock::now();
    internal::ItemEncoder items(argument_memory());
    const internal::CallTarget call = items.encode(fn, ranges...);
    if (options.timeout != forever) options.timeout -= std::chrono::steady_clock::now() - begin;
    return MapResult<Result>(submit_items(call, std::move(items).finish(), options));
  }

  /// Ends the pool: no submit succeeds after this. Without `wait` it returns at once, and what was
  /// submitted goes on; the destructor waits for it.
  void shutdown(ShutdownOptions options = {});

  /// Has `max_workers` workers from now on. New ones start at once; of those that are too many,
  /// the idle leave at once, the others after the task that they run.
  /// @throws std::invalid_argument  not within 1 to 1024   @throws PoolClosedError  after shutdown()
  void resize(unsigned max_workers);

  /// Ends the pool and all its workers, by SIGTERM and, 1 s later, SIGKILL. What runs is lost
  /// (WorkerLostError), what has not started is cancelled. Returns when the workers are gone.
  void terminate_workers();
  /// The same, by SIGKILL at once.
  void kill_workers();

  /// Tells what the pool is doing at this moment.
  PoolStats stats() const;

  /// Writes a timeline to `file` from now on, until shutdown, stop_trace() or the next trace(): a
  /// row for each worker, and on it what it ran when, in the format that chrome://tracing and
  /// Perfetto open. A task is there once its result has come, or once it is lost with its worker;
  /// the elements of a map stand together as they ran. Times are the steady clock's, so that the
  /// timelines of several pools can be laid side by side.
  /// If this process dies, the file holds what was written until then, and can be opened.
  /// @throws Error  the file cannot be made; a later failure to write is logged, and ends it
  /// Cost: nothing until asked for; then some 0.2 us a task here, and 200 bytes of file written by
  /// the notifier thread. Where that is too slow some are left out, and the file says how many.
  void trace(const std::filesystem::path& file);
  /// Ends the timeline: the file is whole when this returns. Nothing happens if there is none.
  void stop_trace();

 private:
  template <class F, class... Args>
  std::shared_ptr<pool::Task> start(const internal::Submission& how, F&& fn, Args&&... args) {
    Writer arguments(argument_memory());
    const internal::CallTarget call =
        internal::encode_call(arguments, std::forward<F>(fn), std::forward<Args>(args)...);
    return submit_encoded(call, std::move(arguments), how);
  }
  template <class F, class... Args>
  std::shared_ptr<pool::Task> start_with(TaskOptions options, bool may_wait, F&& fn,
                                         Args&&... args) {
    Writer arguments(argument_memory());
    const internal::Submission how = internal::prepare(arguments, std::move(options), may_wait);
    const internal::CallTarget call =
        internal::encode_call(arguments, std::forward<F>(fn), std::forward<Args>(args)...);
    return submit_encoded(call, std::move(arguments), how);
  }
  template <class R>
  static std::optional<Future<R>> found(std::shared_ptr<pool::Task> task) {
    if (task == nullptr) return std::nullopt;
    return Future<R>(std::move(task));
  }

  std::shared_ptr<pool::Task> submit_encoded(const internal::CallTarget& call, Writer&& arguments,
                                             const internal::Submission& how);
  friend class Pool;

  internal::MapCursor submit_items(const internal::CallTarget& call,
                                   std::vector<internal::ItemBatch> batches,
                                   const MapOptions& options);
  internal::MapCursor submit_source(const internal::CallTarget& call,
                                    std::unique_ptr<internal::MapSource> source,
                                    const MapOptions& options, internal::MapStyle style);
  internal::WriterMemory& argument_memory() const;
  pool::ProcessPool& pool() const;
  bool is_elsewhere() const noexcept;

  std::shared_ptr<pool::ProcessPool> pool_;
  std::uint32_t generation_ = 0;
};

}  // namespace shoal
