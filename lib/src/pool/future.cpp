// SPDX-License-Identifier: Apache-2.0
#include "shoal/future.hpp"

#include <algorithm>
#include <future>
#include <stdexcept>

#include "pool/continuation.hpp"
#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {

using pool::Task;

pool::Task& FutureBase::task() const {
  if (task_ == nullptr) throw std::future_error(std::future_errc::no_state);
  pool::check_generation(*task_);
  return *task_;
}

bool FutureBase::done() const { return task().is_done(); }
bool FutureBase::running() const { return task().status() == Task::Status::running; }
bool FutureBase::cancelled() const { return task().status() == Task::Status::cancelled; }

bool FutureBase::cancel(Cancel reach) {
  pool::Task& task = this->task();
  return pool::Engine::instance().cancel(task, reach);
}

std::optional<double> FutureBase::progress() const {
  const pool::Task& task = this->task();
  if (task.status() == Task::Status::finished) return 1.0;
  return pool::Engine::instance().progress(task);
}

bool FutureBase::wait(Duration timeout) const {
  Task& task = this->task();
  return task.is_done() || pool::Engine::instance().wait(task, base::Deadline::in(timeout));
}

void FutureBase::wait_or_throw(Duration timeout) const {
  if (wait(timeout)) return;
  throw TimeoutError("task " + task().name() + " is not done after " +
                     std::to_string(std::chrono::duration<double>(timeout).count()) + " s");
}

std::exception_ptr FutureBase::exception(Duration timeout) const {
  wait_or_throw(timeout);
  try {
    pool::raise_failure(task());
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

FutureBase::Reading FutureBase::read(Duration timeout, bool is_bulk) const {
  wait_or_throw(timeout);
  const Task& task = this->task();
  pool::raise_failure(task);
  const std::span<const std::byte> bytes = task.payload.bytes();
  if (is_bulk || !task.payload.is_leased()) {
    return {Reader(bytes, task.payload.descriptors()), nullptr};
  }
  auto copy = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  Reader reader({copy.get(), bytes.size()}, task.payload.descriptors());
  return {reader, std::move(copy)};
}

FutureBase::Reading FutureBase::read_once(Duration timeout, bool is_bulk) const {
  Reading reading = read(timeout, is_bulk);
  give_away();
  return reading;
}

void FutureBase::give_away() const {
  if (!task().is_given_away.exchange(true)) return;
  throw std::future_error(std::future_errc::future_already_retrieved);
}

bool FutureBase::is_local() const { return task().local != nullptr; }

const LocalValue& FutureBase::local_value(Duration timeout) const {
  wait_or_throw(timeout);
  const Task& task = this->task();
  pool::raise_failure(task);
  if (!task.local->value.can_be_copied) give_away();
  return task.local->value;
}

void FutureBase::call_when_done(std::function<void()> callback) const {
  Task& task = this->task();
  pool::Engine::instance().call_when_done(
      task, std::make_unique<pool::Callback>(std::move(callback)));
}

std::shared_ptr<pool::Task> FutureBase::make_successor(const CallTarget& call,
                                                      std::function<void(Writer&)> encode) const {
  static_cast<void>(task());
  return pool::add_successor(task_, call, std::move(encode));
}

std::shared_ptr<pool::Task> FutureBase::make_local_successor(
    const CallTarget& call, std::unique_ptr<LocalCall> local) const {
  static_cast<void>(task());
  return pool::add_local_successor(task_, call, std::move(local));
}

void refuse_empty_callback() {
  throw std::invalid_argument("Future::add_done_callback: the callback is empty");
}

}  // namespace shoal::internal
