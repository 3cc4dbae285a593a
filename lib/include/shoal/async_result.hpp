// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/error.hpp"
#include "shoal/future.hpp"
#include "shoal/map_result.hpp"

namespace shoal {

namespace pool {
struct Ledger;
class ProcessPool;
class Task;
}  // namespace pool

namespace internal {

/// All results of a map, which stay where they are.
class MapHandle {
 public:
  MapHandle(std::shared_ptr<pool::ProcessPool> pool, std::shared_ptr<pool::Task> first,
            std::shared_ptr<pool::Ledger> ledger, std::size_t size) noexcept;
  MapHandle(const MapHandle&) = delete;
  MapHandle& operator=(const MapHandle&) = delete;
  ~MapHandle();

  /// Waits until all elements are done; false if `timeout` passed first.
  bool wait(Duration timeout) const;
  /// True if all elements have a value. Once they are done.
  bool has_values() const;
  /// Walks over the results. Once they are there.
  MapCursor results() const;
  std::size_t size() const noexcept { return size_; }
  void call_when_done(std::function<void()> callback) const;

 private:
  std::shared_ptr<pool::ProcessPool> pool_;
  std::shared_ptr<pool::Task> first_;
  std::shared_ptr<pool::Ledger> ledger_;
  std::size_t size_;
};

/// What an AsyncResult waits for.
template <class R>
class AsyncState {
 public:
  AsyncState() = default;
  AsyncState(const AsyncState&) = delete;
  AsyncState& operator=(const AsyncState&) = delete;
  virtual ~AsyncState() = default;
  virtual bool wait(Duration timeout) = 0;
  // Once it is done:
  virtual bool has_value() = 0;
  virtual R read() = 0;
};

template <class R>
class ApplyState final : public AsyncState<R> {
 public:
  explicit ApplyState(Future<R> future) : future_(std::move(future)) {}
  bool wait(Duration timeout) override { return future_.wait(timeout); }
  bool has_value() override { return future_.exception() == nullptr; }
  R read() override { return future_.get(); }

 private:
  Future<R> future_;
};

template <class T>
class MapState final : public AsyncState<std::vector<typename MapResult<T>::Value>> {
 public:
  using Values = std::vector<typename MapResult<T>::Value>;
  explicit MapState(std::shared_ptr<MapHandle> map) : map_(std::move(map)) {}
  bool wait(Duration timeout) override { return map_->wait(timeout); }
  bool has_value() override { return map_->has_values(); }
  Values read() override {
    MapResult<T> results(map_->results());
    Values values;
    values.reserve(map_->size());
    for (auto&& value : results) values.push_back(std::forward<decltype(value)>(value));
    return values;
  }

 private:
  std::shared_ptr<MapHandle> map_;
};

}  // namespace internal

/// What Pool::apply_async calls back, on the notifier thread: one of the two, once. What they throw
/// is logged. A value that cannot be copied goes to the callback and is not to be had by get().
template <class R>
struct ApplyOptions {
  std::function<void(R)> callback = {};
  std::function<void(std::exception_ptr)> error_callback = {};
};
template <>
struct ApplyOptions<void> {
  std::function<void()> callback = {};
  std::function<void(std::exception_ptr)> error_callback = {};
};

/// A result that is on its way. Copies share it. Dropping it cancels nothing.
/// Safe from many threads, in the process that made it; not transferable.
/// Source: Python multiprocessing.pool.AsyncResult.
template <class R>
class AsyncResult {
 public:
  explicit AsyncResult(std::shared_ptr<internal::AsyncState<R>> state) : state_(std::move(state)) {}

  /// Waits for the result and gives it, a copy of one's own at each call; of a map, waits for all
  /// elements and then throws the exception of the first that has one.
  /// @throws TimeoutError  it is not there after `timeout`   @throws as Future::get()
  R get(Duration timeout = forever) const {
    if (!wait(timeout)) throw TimeoutError("AsyncResult::get: the result is not there in time");
    return state_->read();
  }
  /// Waits for ready(); false if `timeout` passed first.
  bool wait(Duration timeout = forever) const { return state_->wait(timeout); }
  /// True once there is a result or an exception.
  bool ready() const { return wait(Duration::zero()); }
  /// True if get() throws nothing.
  /// @throws std::logic_error  it is not ready()
  bool successful() const {
    if (!ready()) throw std::logic_error("AsyncResult::successful: the result is not ready");
    return state_->has_value();
  }

 private:
  std::shared_ptr<internal::AsyncState<R>> state_;
};

}  // namespace shoal
