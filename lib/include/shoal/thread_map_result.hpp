// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "shoal/future.hpp"
#include "shoal/local_call.hpp"
#include "shoal/map_source.hpp"
#include "shoal/progress.hpp"
#include "shoal/result_iterator.hpp"
#include "shoal/task_options.hpp"

namespace shoal {

namespace internal {

/// One function object for many threads.
template <class F>
class SharedFunction {
 public:
  explicit SharedFunction(F fn) : fn_(std::make_shared<const F>(std::move(fn))) {}

  template <class... Args>
  requires std::is_invocable_v<const F&, Args...>
  decltype(auto) operator()(Args&&... args) const {
    return std::invoke(*fn_, std::forward<Args>(args)...);
  }

 private:
  std::shared_ptr<const F> fn_;
};

template <class F, class... Args>
auto share_if_const(F fn) {
  if constexpr (LocallyCallable<SharedFunction<F>, Args...>) {
    return SharedFunction<F>(std::move(fn));
  } else {
    return fn;
  }
}

/// The input of a map that threads run.
template <class T>
class LocalSource {
 public:
  LocalSource() = default;
  LocalSource(const LocalSource&) = delete;
  LocalSource& operator=(const LocalSource&) = delete;
  virtual ~LocalSource() = default;
  /// Submits the next element; none at the end.
  virtual std::optional<Future<T>> submit_next() = 0;
};

template <class T, class Submit, class... Ranges>
class LocalSourceOf final : public LocalSource<T> {
 public:
  explicit LocalSourceOf(Submit submit, Ranges&&... ranges)
      : submit_(std::move(submit)), walk_(std::forward<Ranges>(ranges)...) {}

  std::optional<Future<T>> submit_next() override {
    if (!walk_.advance()) return std::nullopt;
    return walk_.apply([&](auto&... at) { return submit_(*at...); });
  }

 private:
  Submit submit_;
  RangeWalk<Ranges...> walk_;
};

}  // namespace internal

/// The results of ThreadPoolExecutor::map, in the order of its input: an input range, read once, by
/// one thread. Destroying it cancels the elements that have not started.
template <class T>
class ThreadMapResult {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  using Iterator = internal::ResultIterator<ThreadMapResult>;

  /// Reads the elements of `source`: all, or as many as `options` say.
  ThreadMapResult(std::unique_ptr<internal::LocalSource<T>> source, const MapOptions& options)
      : source_(std::move(source)), ahead_(options.buffersize) {
    const auto now = Clock::now();
    const auto longest = Clock::time_point::max() - now;
    deadline_ = options.timeout < longest ? now + options.timeout : Clock::time_point::max();
    try {
      if (ahead_ > 0 && !options.progress.empty()) {
        progress_ = Progress::unbounded(options.progress);
      }
      fill();
      if (ahead_ == 0 && failure_ != nullptr) std::rethrow_exception(failure_);
    } catch (...) {
      cancel();
      throw;
    }
    if (ahead_ > 0 || options.progress.empty()) return;
    progress_.emplace(options.progress, futures_.size());
    for (const Future<T>& future : futures_) count(future);
  }
  ThreadMapResult(ThreadMapResult&& other) noexcept = default;
  ThreadMapResult& operator=(ThreadMapResult&& other) noexcept {
    ThreadMapResult old(std::move(*this));
    source_ = std::move(other.source_);
    futures_ = std::move(other.futures_);
    failure_ = std::move(other.failure_);
    progress_ = std::move(other.progress_);
    ahead_ = other.ahead_;
    deadline_ = other.deadline_;
    return *this;
  }
  ~ThreadMapResult() { cancel(); }

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }
  /// How many elements are left; with MapOptions::buffersize, of those that have been read.
  std::size_t size() const noexcept { return futures_.size() + (failure_ == nullptr ? 0 : 1); }

 private:
  friend Iterator;
  using Clock = std::chrono::steady_clock;

  Value read() {
    if (futures_.empty()) std::rethrow_exception(failure_);
    const Duration left = deadline_ == Clock::time_point::max()
                              ? forever
                              : std::max(Duration::zero(), Duration(deadline_ - Clock::now()));
    if constexpr (std::is_void_v<T>) {
      futures_.front().get(left);
      return {};
    } else {
      return futures_.front().get(left);
    }
  }

  void pass() {
    if (futures_.empty()) {
      failure_ = nullptr;
    } else {
      futures_.pop_front();
    }
    fill();
  }

  // What cannot be read or submitted stands as one element behind all the others.
  void fill() {
    while (source_ != nullptr && (ahead_ == 0 || futures_.size() < ahead_)) {
      try {
        std::optional<Future<T>> next = source_->submit_next();
        if (next && ahead_ > 0) count(*next);
        if (next) {
          futures_.push_back(std::move(*next));
        } else {
          source_ = nullptr;
        }
      } catch (...) {
        failure_ = std::current_exception();
        source_ = nullptr;
      }
    }
  }

  void count(const Future<T>& future) {
    if (!progress_) return;
    future.add_done_callback([counter = progress_->counter()](const Future<T>&) { ++*counter; });
  }

  void cancel() noexcept {
    for (Future<T>& future : futures_) {
      try {
        static_cast<void>(future.cancel());
      } catch (const std::exception&) {  // it belongs to the process that this one was forked from
      }
    }
  }

  std::unique_ptr<internal::LocalSource<T>> source_;
  std::deque<Future<T>> futures_;  // of the elements that are left
  std::exception_ptr failure_;
  std::optional<Progress> progress_;
  std::size_t ahead_ = 0;  // how many of them there may be; 0: all
  Clock::time_point deadline_;
};

}  // namespace shoal
