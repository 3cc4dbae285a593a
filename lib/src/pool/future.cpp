// SPDX-License-Identifier: Apache-2.0
#include "shoal/future.hpp"

#include <future>
#include <stdexcept>

#include "base/log.hpp"
#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "process/runtime.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {
namespace {

using pool::Task;

// Throws what kept a task from a value.
void raise_failure(const Task& task) {
  switch (task.status()) {
    case Task::Status::finished:
      return;
    case Task::Status::raised: {
      Reader reader(task.payload.bytes(), task.payload.descriptors());
      serial::throw_exception(reader, task.name());
    }
    default:
      task.raise();
  }
}

}  // namespace

pool::Task& FutureBase::task() const {
  if (task_ == nullptr) throw std::future_error(std::future_errc::no_state);
  if (task_->generation != process::Runtime::generation()) {
    throw std::logic_error(
        "Future: it belongs to the process that this one was forked from, which alone gets its "
        "result");
  }
  return *task_;
}

bool FutureBase::done() const { return task().is_done(); }
bool FutureBase::running() const { return task().status() == Task::Status::running; }
bool FutureBase::cancelled() const { return task().status() == Task::Status::cancelled; }

bool FutureBase::cancel() {
  pool::Task& task = this->task();
  return pool::Engine::instance().cancel(task);
}

void FutureBase::abandon() noexcept {
  if (task_ == nullptr || task_->generation != process::Runtime::generation()) return;
  try {
    cancel();
  } catch (const std::exception& error) {  // no memory for the cancellation: it runs
    base::log(LogLevel::warn, std::string("a task was not cancelled: ") + error.what());
  }
}

bool FutureBase::wait(Duration timeout) const {
  Task& task = this->task();
  return task.is_done() || pool::Engine::instance().wait(task, base::Deadline::in(timeout));
}

std::exception_ptr FutureBase::exception() const {
  const Task& task = this->task();
  wait();
  try {
    raise_failure(task);
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

Reader FutureBase::read(Duration timeout) const {
  Task& task = this->task();
  if (!wait(timeout)) {
    throw TimeoutError("task " + task.name() + " is not done after " +
                       std::to_string(std::chrono::duration<double>(timeout).count()) + " s");
  }
  raise_failure(task);
  return Reader(task.payload.bytes(), task.payload.descriptors());
}

Reader FutureBase::read_once(Duration timeout) {
  Reader reader = read(timeout);
  if (task().is_given_away.exchange(true)) {
    throw std::future_error(std::future_errc::future_already_retrieved);
  }
  return reader;
}

}  // namespace shoal::internal
