// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/function.hpp"
#include "shoal/future.hpp"
#include "shoal/item_encoder.hpp"
#include "shoal/map_result.hpp"
#include "shoal/start_method.hpp"

namespace shoal {

namespace pool {
class ProcessPool;
}

/// How a pool is made.
struct PoolOptions {
  /// Worker processes: 1 to 1024. More than CPUs pays only for tasks that wait.
  unsigned max_workers = cpu_count();
  /// How the workers are started; default: get_start_method(), forkserver if nobody said otherwise.
  Context context = {};
  /// How long a waiting thread, and a worker without tasks, polls before it sleeps; 0: not at all.
  /// Polling saves the 5 to 40 us of a wake-up. At most one less than there are CPUs poll at once,
  /// and they stop where it does not pay. Costs CPU for this long after each burst of tasks.
  Duration spin = std::chrono::microseconds(20);
};

/// How a pool ends.
struct ShutdownOptions {
  /// Return only when every task is done and every worker is gone.
  bool wait = true;
  /// Cancel what has not started.
  bool cancel_futures = false;
};

/// What a pool is doing and has done.
struct PoolStats {
  unsigned workers = 0;         ///< worker processes, ready or starting
  unsigned idle = 0;            ///< those that wait for a task
  std::size_t queued = 0;       ///< tasks no worker has yet
  std::size_t running = 0;      ///< tasks in a worker's hands
  std::uint64_t completed = 0;  ///< tasks that gave a value
  std::uint64_t failed = 0;     ///< tasks that threw
  std::uint64_t lost = 0;       ///< tasks that died with their worker
  std::uint64_t restarted = 0;  ///< workers that were replaced
  /// The most tasks that one worker has held ahead of the one it ran: many only of short ones.
  std::size_t prefetch_depth = 0;
  std::uint64_t revocations = 0;  ///< tasks taken back from a worker before it began them
  std::uint64_t wakes = 0;        ///< wake-ups of sleeping workers: a system call each
  std::uint64_t spins = 0;        ///< times a worker, or a thread waiting on any pool, has polled
};

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
  /// @throws ResourceError    the arguments carry too many descriptors
  /// Cost: one encode, one copy; a system call only if the worker sleeps.
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> Future<internal::task_result_t<F, Args...>> submit(
      F&& fn, Args&&... args) {
    Writer arguments(argument_memory());
    const internal::CallTarget call =
        internal::encode_call(arguments, std::forward<F>(fn), std::forward<Args>(args)...);
    return Future<internal::task_result_t<F, Args...>>(submit_encoded(call, std::move(arguments)));
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
    return MapResult<Result>(submit_items(call, std::move(items).finish()));
  }

  /// Ends the pool: no submit succeeds after this. Without `wait` it returns at once, and what was
  /// submitted goes on; the destructor waits for it.
  void shutdown(ShutdownOptions options = {});

  /// Tells what the pool is doing at this moment.
  PoolStats stats() const;

 private:
  std::shared_ptr<pool::Task> submit_encoded(const internal::CallTarget& call, Writer&& arguments);
  internal::MapCursor submit_items(const internal::CallTarget& call,
                                   std::vector<internal::ItemBatch> batches);
  internal::WriterMemory& argument_memory() const;
  pool::ProcessPool& pool() const;
  bool is_elsewhere() const noexcept;

  std::shared_ptr<pool::ProcessPool> pool_;
  std::uint32_t generation_ = 0;
};

}  // namespace shoal
