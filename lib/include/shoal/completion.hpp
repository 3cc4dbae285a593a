// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/future.hpp"

namespace shoal {

namespace pool {
class Watch;
}

/// What wait() waits for.
enum class ReturnWhen {
  all_completed,    ///< all futures are done
  first_completed,  ///< one is
  first_exception,  ///< one has failed, or all are done; a cancellation is no failure
};
using enum ReturnWhen;

namespace internal {

template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<Future<T>> = true;

/// Any range of futures of one type.
template <class R>
concept FutureRange =
    std::ranges::input_range<R> && is_future<std::remove_cv_t<std::ranges::range_value_t<R>>>;
template <class R>
using future_of_t = std::remove_cv_t<std::ranges::range_value_t<R>>;

/// Several futures, each once, that are waited for together; their type forgotten.
class Completion {
 public:
  Completion() noexcept = default;
  /// Adds a future; false if it was there already.
  bool add(const FutureBase& future);
  /// Begins to watch those that were added, for `timeout` from now.
  void begin(Duration timeout);
  /// Waits for what `when` says, or the end of the time.
  void wait(ReturnWhen when);
  /// Waits for one more that is done and lets go of it.
  /// @throws TimeoutError  none is in time
  std::shared_ptr<pool::Task> next();
  /// How many next() has not given.
  std::size_t left() const noexcept;

 private:
  std::vector<std::shared_ptr<pool::Task>> tasks_;  // before begin(), in the order of adding
  std::unordered_set<const pool::Task*> known_;     // likewise
  std::shared_ptr<pool::Watch> watch_;
  std::chrono::steady_clock::time_point deadline_;
};

template <class F>
std::vector<F> add_all(Completion& completion, auto&& futures) {
  std::vector<F> distinct;
  for (auto&& future : futures) {
    if (completion.add(future)) distinct.push_back(future);
  }
  return distinct;
}

}  // namespace internal

/// Which futures are done, each once, in the order in which they were given.
template <class T>
struct WaitResult {
  std::vector<Future<T>> done;
  std::vector<Future<T>> not_done;
};

namespace internal {

template <class T>
WaitResult<T> wait_for(auto&& futures, Duration timeout, ReturnWhen when) {
  Completion completion;
  WaitResult<T> result;
  auto distinct = add_all<Future<T>>(completion, futures);
  completion.begin(timeout);
  completion.wait(when);
  for (Future<T>& future : distinct) {
    (future.done() ? result.done : result.not_done).push_back(std::move(future));
  }
  return result;
}

template <class F>
struct ValueOf;
template <class T>
struct ValueOf<Future<T>> {
  using type = T;
};
template <class R>
using value_of_futures_t = typename ValueOf<future_of_t<R>>::type;

}  // namespace internal

/// Waits until the futures are done, as `when` says, or `timeout` has passed. They may come from
/// several pools; one given twice counts once.
/// Safe from many threads. Source: Python concurrent.futures.wait.
template <class R>
requires internal::FutureRange<R> WaitResult<internal::value_of_futures_t<R>> wait(
    R&& futures, Duration timeout = forever, ReturnWhen when = ReturnWhen::all_completed) {
  return internal::wait_for<internal::value_of_futures_t<R>>(futures, timeout, when);
}
template <class T>
WaitResult<T> wait(std::initializer_list<Future<T>> futures, Duration timeout = forever,
                   ReturnWhen when = ReturnWhen::all_completed) {
  return internal::wait_for<T>(futures, timeout, when);
}

/// Futures in the order in which they end: an input range, read once, by one thread. It lets go of
/// each future that it has given.
template <class T>
class AsCompleted {
 public:
  class Iterator {
   public:
    using value_type = Future<T>;
    using difference_type = std::ptrdiff_t;

    /// Waits for the next future that is done. It may be moved from.
    /// @throws TimeoutError  none is in time: "2 (of 4) futures unfinished"
    Future<T>& operator*() const { return range_->current(); }
    Iterator& operator++() {
      range_->pass();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) { return at.is_last(); }

   private:
    friend class AsCompleted;
    explicit Iterator(AsCompleted* range) : range_(range) {}
    bool is_last() const { return !range_->current_ && range_->completion_.left() == 0; }
    AsCompleted* range_;
  };

  explicit AsCompleted(internal::Completion completion) : completion_(std::move(completion)) {}
  AsCompleted(AsCompleted&&) noexcept = default;
  AsCompleted& operator=(AsCompleted&&) noexcept = default;

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  Future<T>& current() {
    if (!current_) current_.emplace(completion_.next());
    return *current_;
  }
  // One that nobody looked at is passed over all the same.
  void pass() {
    if (!current_) static_cast<void>(completion_.next());
    current_.reset();
  }

  internal::Completion completion_;
  std::optional<Future<T>> current_;
};

namespace internal {

template <class T>
AsCompleted<T> make_as_completed(auto&& futures, Duration timeout) {
  Completion completion;
  for (auto&& future : futures) completion.add(future);
  completion.begin(timeout);
  return AsCompleted<T>(std::move(completion));
}

}  // namespace internal

/// Gives the futures as they end, those that have ended first, each once, for `timeout` from this
/// call. They may come from several pools.
/// Source: Python concurrent.futures.as_completed.
template <class R>
requires internal::FutureRange<R> AsCompleted<internal::value_of_futures_t<R>> as_completed(
    R&& futures, Duration timeout = forever) {
  return internal::make_as_completed<internal::value_of_futures_t<R>>(futures, timeout);
}
template <class T>
AsCompleted<T> as_completed(std::initializer_list<Future<T>> futures, Duration timeout = forever) {
  return internal::make_as_completed<T>(futures, timeout);
}

}  // namespace shoal
