// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "pool/task.hpp"

namespace shoal::pool {

/// Tasks that no worker has yet: those of a higher priority first, of one priority in the order of
/// arrival. Knows nothing of those that have been settled while they stand here.
class Backlog {
 public:
  bool empty() const noexcept { return first() == nullptr; }
  /// The next task. There is one.
  const TaskRef& front() const noexcept { return first()->front(); }

  void push_back(TaskRef task) { level(*task).push_back(std::move(task)); }
  void push_front(TaskRef task) { level(*task).push_front(std::move(task)); }

  TaskRef pop_front() {
    auto at = levels_.begin();
    while (at->second.empty()) ++at;
    TaskRef task = std::move(at->second.front());
    at->second.pop_front();
    // The usual level stays, with its memory.
    if (at->second.empty() && at->first != 0) levels_.erase(at);
    return task;
  }

 private:
  std::deque<TaskRef>& level(const Task& task) { return levels_[task.priority()]; }
  const std::deque<TaskRef>* first() const noexcept {
    for (const auto& [priority, tasks] : levels_) {
      if (!tasks.empty()) return &tasks;
    }
    return nullptr;
  }

  std::map<int, std::deque<TaskRef>, std::greater<>> levels_;
};

}  // namespace shoal::pool
