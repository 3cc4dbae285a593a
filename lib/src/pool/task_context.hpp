// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "os/fork_generation.hpp"
#include "pool/function_table.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::pool {

/// What this_task and this_worker tell of the task that a worker runs. The worker's main thread
/// writes it; the threads of tasks read.
class TaskContext {
 public:
  TaskContext(unsigned index, const SharedSubmissions& submissions, SharedCompletions& completions)
      : index_(index), submissions_(submissions), completions_(completions) {}

  /// The one of this process, once it is a worker; none elsewhere.
  static TaskContext* current() noexcept {
    TaskContext* const context = slot().load(std::memory_order_acquire);
    // What a task forks is no worker: the mailbox is not its own.
    const bool is_here = context != nullptr && context->generation_ == os::fork_generation();
    return is_here ? context : nullptr;
  }
  static void set_current(TaskContext* context) noexcept {
    slot().store(context, std::memory_order_release);
  }

  /// A task begins: its function is known later.
  void begin(const Entry& entry) noexcept {
    attempt_.store(entry.attempt, std::memory_order_relaxed);
    id_.store(entry.id, std::memory_order_relaxed);
    ticket_.store(entry.ticket, std::memory_order_relaxed);
    target_.store(0, std::memory_order_relaxed);
    if (has_name_) set_name({});
  }
  void set_function(const FunctionResolver::Resolved& function) noexcept {
    target_.store(function.target, std::memory_order_relaxed);
  }
  void set_name(std::string name);
  void end() noexcept { ticket_.store(0, std::memory_order_relaxed); }

  unsigned index() const noexcept { return index_; }
  std::uint64_t id() const noexcept;
  unsigned attempt() const noexcept;
  std::string name() const;
  bool stop_requested() noexcept;
  void report(double progress) noexcept;

 private:
  static std::atomic<TaskContext*>& slot() noexcept;
  std::uint64_t ticket() const noexcept { return ticket_.load(std::memory_order_relaxed); }

  const std::uint32_t generation_ = os::fork_generation();
  const unsigned index_;
  const SharedSubmissions& submissions_;
  SharedCompletions& completions_;
  std::atomic<std::uint64_t> ticket_{0};  // 0: no task runs
  std::atomic<std::uint64_t> id_{0};
  std::atomic<unsigned> attempt_{0};
  std::atomic<std::uintptr_t> target_{0};
  bool has_name_ = false;  // the main thread's
  mutable std::mutex mutex_;
  std::string name_;
};

}  // namespace shoal::pool
