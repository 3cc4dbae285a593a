// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/duration.hpp"
#include "shoal/local_call.hpp"
#include "shoal/successor.hpp"
#include "shoal/task_options.hpp"

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
  /// True if the task was cancelled: before it started, or, by Cancel::running, while it ran.
  bool cancelled() const;
  /// Cancels the task if it has not started; false if it has, or is done. By Cancel::running, one
  /// that runs is ended, too: it gets PoolOptions::grace if it polls this_task::stop_requested(),
  /// else its worker is ended at once, and replaced. A result that comes first is delivered.
  bool cancel(Cancel reach = Cancel::queued);
  /// How far the task has said it is, by this_task::report(); 1 once it has a value.
  std::optional<double> progress() const;
  /// Waits for done(); false if `timeout` passed first.
  bool wait(Duration timeout = forever) const;
  /// Waits, then gives the exception that get() would throw; none if there is a value.
  /// @throws TimeoutError  `timeout` passed first
  std::exception_ptr exception(Duration timeout = forever) const;

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
  Reading read_once(Duration timeout, bool is_bulk) const;

  /// True if a thread of this process runs the task: ThreadPoolExecutor.
  bool is_local() const;
  /// Waits for such a task's value, which is to be given away; throws likewise.
  const LocalValue& local_value(Duration timeout) const;
  /// Makes a task that runs after this one, which is local.
  std::shared_ptr<pool::Task> make_local_successor(const CallTarget& call,
                                                  std::unique_ptr<LocalCall> local) const;

  /// Has `callback` called on the notifier thread once the task is done; if it is, here and now.
  void call_when_done(std::function<void()> callback) const;
  /// Makes a task that runs after this one; `encode` writes its arguments, once this has a value.
  std::shared_ptr<pool::Task> make_successor(const CallTarget& call,
                                            std::function<void(Writer&)> encode) const;

 private:
  friend class Completion;

  pool::Task& task() const;
  void wait_or_throw(Duration timeout) const;
  void give_away() const;
  std::shared_ptr<pool::Task> task_;
};

[[noreturn]] void refuse_empty_callback();
inline void require_callback(bool is_there) {
  if (!is_there) refuse_empty_callback();
}

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
  T get(Duration timeout = forever) const {
    if constexpr (std::is_void_v<T>) {
      read(timeout, true);
    } else if (is_local()) {
      const internal::LocalValue& value = local_value(timeout);
      return reinterpret_cast<T (*)(T&)>(value.give)(*static_cast<T*>(value.object.get()));
    } else if constexpr (!is_transferable_v<T>) {
      throw std::future_error(std::future_errc::no_state);  // no process gives such a value
    } else {
      constexpr bool is_bulk = internal::is_bulk<T>();
      auto [reader, copy] = std::is_copy_constructible_v<T> ? read(timeout, is_bulk)
                                                            : read_once(timeout, is_bulk);
      T value = reader.template get<T>();
      reader.finish();
      return value;
    }
  }

  /// Has `callback` called with this future once it is done, whether by a value, an error or a
  /// cancellation: on shoal's notifier thread, in the order in which callbacks were added, or at
  /// once, in this thread, if it is done already. What it throws is logged.
  /// @throws std::invalid_argument  `callback` is empty
  /// Source: Python concurrent.futures.Future.add_done_callback.
  void add_done_callback(std::function<void(Future)> callback) const {
    internal::require_callback(static_cast<bool>(callback));
    call_when_done([future = *this, callback = std::move(callback)] { callback(future); });
  }

  /// Runs `fn(value)` (of a Future<void>: `fn()`) in the same pool once this one has its value, and
  /// gives the future of that. If this one fails, that one throws the same, and `fn` does not run;
  /// after shutdown() it throws PoolClosedError. It can be cancelled while it waits for this one,
  /// and the pool does not end before it. Arguments are encoded on the notifier thread.
  /// What may be called: function.hpp.
  template <class F>
  requires internal::Succeeds<F, T> Future<internal::successor_result_t<F, T>> then(F fn) const {
    using Result = internal::successor_result_t<F, T>;
    const internal::CallTarget call = internal::successor_target<T>(fn);
    if (is_local()) {
      return Future<Result>(make_local_successor(
          call, internal::make_local_call<Result>(
                    [future = *this, fn = std::move(fn)](bool) mutable -> Result {
                      if constexpr (std::is_void_v<T>) {
                        return fn();
                      } else {
                        return fn(future.get());
                      }
                    })));
    }
    auto shared = std::make_shared<const F>(std::move(fn));
    return Future<Result>(
        make_successor(call, [future = *this, shared](Writer& arguments) mutable {
          if constexpr (std::is_void_v<T>) {
            internal::encode_call(arguments, *shared);
          } else {
            internal::encode_call(arguments, *shared, future.get());
          }
        }));
  }
};

}  // namespace shoal
