// SPDX-License-Identifier: Apache-2.0
#include "shoal/this_task.hpp"

#include <bit>
#include <utility>

#include "pool/task_context.hpp"
#include "serial/function_ref.hpp"
#include "serial/names.hpp"

namespace shoal {
namespace pool {

std::atomic<TaskContext*>& TaskContext::slot() noexcept {
  static std::atomic<TaskContext*> current{nullptr};
  return current;
}

void TaskContext::set_name(std::string name) {
  has_name_ = !name.empty();
  const std::lock_guard guard(mutex_);
  name_ = std::move(name);
}

std::uint64_t TaskContext::id() const noexcept {
  return ticket() == 0 ? 0 : id_.load(std::memory_order_relaxed);
}

unsigned TaskContext::attempt() const noexcept {
  return ticket() == 0 ? 0 : attempt_.load(std::memory_order_relaxed);
}

// The name of a function is looked up when somebody asks: that may read a file.
std::string TaskContext::name() const {
  if (ticket() == 0) return {};
  {
    const std::lock_guard guard(mutex_);
    if (!name_.empty()) return name_;
  }
  const std::uintptr_t target = target_.load(std::memory_order_relaxed);
  if (target != 0) return serial::describe_code(target);
  const char* const type = internal::called_type.load(std::memory_order_relaxed);
  return type == nullptr ? std::string() : std::string(type);
}

bool TaskContext::stop_requested() noexcept {
  const std::uint64_t ticket = this->ticket();
  if (ticket == 0) return false;
  // Nothing depends on the order of these two: who is asked before it has looked is ended.
  completions_.polls.store(ticket, std::memory_order_relaxed);
  return submissions_.stop.load(std::memory_order_relaxed) == ticket;
}

void TaskContext::report(double progress) noexcept {
  const std::uint64_t ticket = this->ticket();
  if (ticket == 0) return;
  completions_.report_ticket.store(0, std::memory_order_relaxed);
  completions_.report.store(std::bit_cast<std::uint64_t>(progress), std::memory_order_release);
  // release: pairs with the acquire in ParentMailbox::report.
  completions_.report_ticket.store(ticket, std::memory_order_release);
}

}  // namespace pool

using pool::TaskContext;

std::string this_task::name() {
  const TaskContext* const context = TaskContext::current();
  return context == nullptr ? std::string() : context->name();
}

std::uint64_t this_task::id() noexcept {
  const TaskContext* const context = TaskContext::current();
  return context == nullptr ? 0 : context->id();
}

unsigned this_task::attempt() noexcept {
  const TaskContext* const context = TaskContext::current();
  return context == nullptr ? 0 : context->attempt();
}

bool this_task::stop_requested() noexcept {
  TaskContext* const context = TaskContext::current();
  return context != nullptr && context->stop_requested();
}

void this_task::report(double progress) noexcept {
  if (TaskContext* const context = TaskContext::current()) context->report(progress);
}

unsigned this_worker::index() {
  const TaskContext* const context = TaskContext::current();
  if (context == nullptr) internal::fail_no_worker("this_worker::index");
  return context->index();
}

bool this_worker::is_worker() noexcept { return TaskContext::current() != nullptr; }

void internal::fail_no_worker(const char* what) {
  throw std::logic_error(std::string(what) + ": this process is no worker of a pool");
}

}  // namespace shoal
