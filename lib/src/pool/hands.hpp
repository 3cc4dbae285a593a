// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/circular_buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pool/task.hpp"

namespace shoal::pool {

/// What one worker has been given, in the order of delivery: the first runs or is about to, the
/// others are prefetched. Knows how long the prefetched ones are expected to take.
/// Takes its memory when it is made: what was delivered must find its place here.
class Hands {
 public:
  static constexpr std::size_t kMost = 64;

  bool empty() const noexcept { return tasks_.empty(); }
  std::size_t size() const noexcept { return tasks_.size(); }
  std::size_t prefetched() const noexcept { return tasks_.empty() ? 0 : tasks_.size() - 1; }
  Task& front() const noexcept { return *tasks_.front(); }
  Task& back() const noexcept { return *tasks_.back(); }
  /// Nanoseconds that the prefetched ones are expected to run.
  std::uint64_t prefetched_ns() const noexcept { return prefetched_ns_; }

  /// All of them, the first first.
  const boost::circular_buffer<TaskRef>& tasks() const noexcept { return tasks_; }
  bool holds(const Task& task) const noexcept {
    for (const TaskRef& held : tasks_) {
      if (held.get() == &task) return true;
    }
    return false;
  }

  void push_back(TaskRef task) {
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) prefetched_ns_ += tasks_.back()->expected_ns;
  }
  TaskRef pop_front() {
    TaskRef first = std::move(tasks_.front());
    tasks_.pop_front();
    if (!tasks_.empty()) prefetched_ns_ -= tasks_.front()->expected_ns;
    return first;
  }
  TaskRef pop_back() {
    TaskRef last = std::move(tasks_.back());
    tasks_.pop_back();
    if (!tasks_.empty()) prefetched_ns_ -= last->expected_ns;
    return last;
  }

 private:
  boost::circular_buffer<TaskRef> tasks_{kMost};
  std::uint64_t prefetched_ns_ = 0;
};

}  // namespace shoal::pool
