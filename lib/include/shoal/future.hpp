// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>

#include "shoal/codec.hpp"
#include "shoal/duration.hpp"

namespace shoal {

namespace pool {
class Task;
}

namespace internal {

/// What every Future is underneath: its share in one task's state.
class FutureBase {
 public:
  /// True once the task has a value, an error, or was cancelled.
  bool done() const;
  /// True while the task is in a worker's hands.
  bool running() const;
  /// True if the task was cancelled before it started.
  bool cancelled() const;
  /// Cancels the task if it has not started; false if it has, or is done.
  bool cancel();
  /// Waits for done(); false if `timeout` passed first.
  bool wait(Duration timeout = forever) const;
  /// Waits, then gives the exception that get() would throw; none if there is a value.
  std::exception_ptr exception() const;

  /// False for a default-made or moved-from future, whose other members throw std::future_error.
  bool valid() const noexcept { return task_ != nullptr; }

 protected:
  FutureBase() = default;
  explicit FutureBase(std::shared_ptr<pool::Task> task) : task_(std::move(task)) {}

  /// A reader of a task's value, and what it reads if that is a copy of its own.
  struct Reading {
    Reader reader;
    std::unique_ptr<std::byte[]> copy;
  };
  /// Waits for the task's value and gives a reader of it; throws what the task ended with, or
  /// TimeoutError. What the worker could still change is copied first, unless `is_bulk`.
  Reading read(Duration timeout, bool is_bulk) const;
  /// As read(), for a value that can be given away once only.
  Reading read_once(Duration timeout, bool is_bulk);

 private:
  pool::Task& task() const;
  std::shared_ptr<pool::Task> task_;
};

}  // namespace internal

/// The result of a task that runs elsewhere, now or later. Copies share it.
///
/// A worker that dies while it runs the task makes get() throw WorkerLostError; the death of any
/// other worker goes unnoticed. A future outlives its pool, whose destructor resolves it.
/// Safe from many threads at once, in the process that made it; not transferable to others.
/// Source: Python concurrent.futures.Future.
template <class T>
class Future : public internal::FutureBase {
 public:
  Future() = default;
  explicit Future(std::shared_ptr<pool::Task> task) : FutureBase(std::move(task)) {}

  /// Waits for the task and gives its value: a copy of one's own at each call, or, of a type that
  /// cannot be copied, the value itself at the first.
  /// @throws TimeoutError      `timeout` passed first; the task goes on
  /// @throws WorkerLostError   the worker died while it ran the task
  /// @throws CancelledError    the task was cancelled
  /// @throws BrokenPoolError   the pool can start no workers
  /// @throws (what the task threw)  as its standard type; others as RemoteError
  /// @throws std::future_error valid() is false, or a value that cannot be copied was given already
  T get(Duration timeout = forever) {
    if constexpr (std::is_void_v<T>) {
      read(timeout, true);
    } else {
      constexpr bool is_bulk = internal::is_bulk<T>();
      auto [reader, copy] = std::is_copy_constructible_v<T> ? read(timeout, is_bulk)
                                                            : read_once(timeout, is_bulk);
      T value = reader.template get<T>();
      reader.finish();
      return value;
    }
  }
};

}  // namespace shoal
