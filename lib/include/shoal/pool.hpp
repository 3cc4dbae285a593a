// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

#include "shoal/async_result.hpp"
#include "shoal/process_pool_executor.hpp"

namespace shoal {

namespace internal {

template <class Tuple, std::size_t... I>
auto members_of(std::index_sequence<I...>)
    -> Types<decltype(std::get<I>(std::declval<Tuple>()))...>;
/// What a tuple, pair or array holds, as the arguments of a call.
template <class Tuple>
using members_of_t = decltype(members_of<Tuple>(
    std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<Tuple>>>{}));

template <class F, class... Args>
constexpr bool is_shaped(Types<Args...>) noexcept {
  return TaskShaped<F, Args...>;
}
/// True for a range of tuples with which F can be called, one at a time.
template <class F, class Range>
concept StarShaped = std::ranges::input_range<Range> && requires {
  typename members_of_t<std::ranges::range_reference_t<Range>>;
} && is_shaped<F>(members_of_t<std::ranges::range_reference_t<Range>>{});

template <class F, class Range>
concept MapShaped =
    std::ranges::input_range<Range> && TaskShaped<F, std::ranges::range_reference_t<Range>>;

template <class F, class Range>
using map_result_t = task_result_t<F, std::ranges::range_reference_t<Range>>;
template <class F, class Range>
using star_result_t = typename decltype(successor_result<F>(
    members_of_t<std::ranges::range_reference_t<Range>>{}))::type;
/// A std::vector of results; of std::monostate where there are none.
template <class R>
using results_t = std::vector<typename MapResult<R>::Value>;

template <class F, class... Args>
CallTarget star_target(const F& fn, Types<Args...>) {
  return checked_items_target<F, Args...>(fn);
}

template <class R>
void call_back(const ApplyOptions<R>& options, const AsyncResult<R>& result) {
  if (!result.successful()) {
    if (!options.error_callback) return;
    try {
      static_cast<void>(result.get());
    } catch (...) {
      options.error_callback(std::current_exception());
    }
  } else if (options.callback) {
    if constexpr (std::is_void_v<R>) {
      options.callback();
    } else {
      options.callback(result.get());
    }
  }
}

}  // namespace internal

/// Worker processes that run functions, under the names of Python's multiprocessing.Pool; in all
/// else a ProcessPoolExecutor. Its destructor does not wait for what runs: it terminates.
///
/// `chunksize` says how many elements of a map travel together; 0: chosen by measuring.
/// Move-only; safe from many threads at once, in the process that made it.
/// Source: Python multiprocessing.pool.Pool.
class Pool {
 public:
  /// Starts the workers. @throws as ProcessPoolExecutor
  explicit Pool(unsigned processes = cpu_count());
  explicit Pool(const PoolOptions& options);
  Pool(Pool&& other) noexcept = default;
  Pool& operator=(Pool&& other) noexcept;
  /// terminate(), join().
  ~Pool();

  /// Runs `fn(args...)` in a worker and gives its result. What may be called: function.hpp.
  /// @throws PoolClosedError  after close()   @throws as Future::get()
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> internal::task_result_t<F, Args...> apply(
      F&& fn, Args&&... args) {
    return executor_.submit(std::forward<F>(fn), std::forward<Args>(args)...).get();
  }
  /// As apply(), without waiting; calls back, if options are given.
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> AsyncResult<internal::task_result_t<F, Args...>>
  apply_async(F&& fn, Args&&... args) {
    return apply_async({}, std::forward<F>(fn), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  requires internal::TaskShaped<F, Args...> AsyncResult<internal::task_result_t<F, Args...>>
  apply_async(ApplyOptions<internal::task_result_t<F, Args...>> options, F&& fn, Args&&... args) {
    using R = internal::task_result_t<F, Args...>;
    Future<R> future = executor_.submit(std::forward<F>(fn), std::forward<Args>(args)...);
    AsyncResult<R> result(std::make_shared<internal::ApplyState<R>>(future));
    if (options.callback || options.error_callback) {
      future.add_done_callback([options = std::move(options), result](const Future<R>&) {
        internal::call_back(options, result);
      });
    }
    return result;
  }

  /// Calls `fn` with each element of `range`, waits for all, and gives the results in its order; if
  /// elements have failed, throws the exception of the first of them instead.
  template <class F, class Range>
  requires internal::MapShaped<F, Range> internal::results_t<internal::map_result_t<F, Range>> map(
      F fn, Range&& range, std::size_t chunksize = 0) {
    return map_async(std::move(fn), std::forward<Range>(range), chunksize).get();
  }
  template <class F, class Range>
  requires internal::MapShaped<F, Range>
  auto map_async(F fn, Range&& range, std::size_t chunksize = 0) {
    return map_async({}, std::move(fn), std::forward<Range>(range), chunksize);
  }
  template <class F, class Range>
  requires internal::MapShaped<F, Range>
  auto map_async(ApplyOptions<internal::results_t<internal::map_result_t<F, Range>>> options, F fn,
                 Range&& range, std::size_t chunksize = 0) {
    internal::ItemEncoder items(executor_.argument_memory());
    const internal::CallTarget call = items.encode(fn, range);
    return begin_map<internal::map_result_t<F, Range>>(call, std::move(items), chunksize, options);
  }

  /// As map(), with the members of each tuple of `range` as arguments.
  template <class F, class Range>
  requires internal::StarShaped<F, Range> internal::results_t<internal::star_result_t<F, Range>>
  starmap(F fn, Range&& range, std::size_t chunksize = 0) {
    return starmap_async(std::move(fn), std::forward<Range>(range), chunksize).get();
  }
  template <class F, class Range>
  requires internal::StarShaped<F, Range>
  auto starmap_async(F fn, Range&& range, std::size_t chunksize = 0) {
    return starmap_async({}, std::move(fn), std::forward<Range>(range), chunksize);
  }
  template <class F, class Range>
  requires internal::StarShaped<F, Range>
  auto starmap_async(ApplyOptions<internal::results_t<internal::star_result_t<F, Range>>> options,
                     F fn, Range&& range, std::size_t chunksize = 0) {
    using Members = internal::members_of_t<std::ranges::range_reference_t<Range>>;
    internal::ItemEncoder items(executor_.argument_memory());
    const internal::CallTarget call = internal::star_target(fn, Members{});
    for (auto&& tuple : range) {
      std::apply([&](auto&&... args) { items.add(fn, std::forward<decltype(args)>(args)...); },
                 std::forward<decltype(tuple)>(tuple));
    }
    return begin_map<internal::star_result_t<F, Range>>(call, std::move(items), chunksize, options);
  }

  /// As ProcessPoolExecutor::map(), but reads the input as results are taken: some 1000 elements
  /// ahead, or as many as come within 1 ms where they are slow. An lvalue range must outlive the
  /// result. An exception of the input is thrown in its place.
  template <class F, class Range>
  requires internal::MapShaped<F, Range> MapResult<internal::map_result_t<F, Range>> imap(
      F fn, Range&& range, std::size_t chunksize = 0) {
    return stream(std::move(fn), std::forward<Range>(range), chunksize, true);
  }
  /// As imap(), in whatever order results come.
  template <class F, class Range>
  requires internal::MapShaped<F, Range> MapResult<internal::map_result_t<F, Range>> imap_unordered(
      F fn, Range&& range, std::size_t chunksize = 0) {
    return stream(std::move(fn), std::forward<Range>(range), chunksize, false);
  }

  /// Takes no more tasks; what was submitted is run.
  void close();
  /// Takes no more tasks, cancels those that have not started, and kills the workers: a task that
  /// runs ends with WorkerLostError.
  void terminate();
  /// Waits until all workers are gone and what they had to call back has been called. Called back
  /// itself, it waits for the workers alone.
  /// @throws std::logic_error  neither close() nor terminate() came before
  void join();
  /// Tells what the pool is doing at this moment.
  PoolStats stats() const { return executor_.stats(); }

 private:
  template <class T>
  AsyncResult<internal::results_t<T>> begin_map(const internal::CallTarget& call,
                                                internal::ItemEncoder&& items,
                                                std::size_t chunksize,
                                                ApplyOptions<internal::results_t<T>>& options) {
    auto map = submit_map(call, std::move(items).finish(), chunksize);
    AsyncResult<internal::results_t<T>> result(std::make_shared<internal::MapState<T>>(map));
    if (options.callback || options.error_callback) {
      map->call_when_done(
          [options = std::move(options), result] { internal::call_back(options, result); });
    }
    return result;
  }

  template <class F, class Range>
  auto stream(F fn, Range&& range, std::size_t chunksize, bool is_ordered) {
    const internal::CallTarget call =
        internal::checked_items_target<F, std::ranges::range_reference_t<Range>>(fn);
    auto source = std::make_unique<internal::RangeSource<F, Range>>(std::move(fn),
                                                                    std::forward<Range>(range));
    return MapResult<internal::map_result_t<F, Range>>(
        submit_stream(call, std::move(source), chunksize, is_ordered));
  }

  std::shared_ptr<internal::MapHandle> submit_map(const internal::CallTarget& call,
                                                  std::vector<internal::ItemBatch> batches,
                                                  std::size_t chunksize);
  internal::MapCursor submit_stream(const internal::CallTarget& call,
                                    std::unique_ptr<internal::MapSource> source,
                                    std::size_t chunksize, bool is_ordered);

  ProcessPoolExecutor executor_;
};

}  // namespace shoal
