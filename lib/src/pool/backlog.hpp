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
  bool empty() const noexcept { return usual_.empty() && others_.empty(); }
  /// The next task. There is one.
  const TaskRef& front() const noexcept {
    return is_usual_next() ? usual_.front() : others_.begin()->second.front();
  }

  void push_back(TaskRef task) {
    push(task->priority(), [&](auto& tasks) { tasks.push_back(std::move(task)); });
  }
  void push_front(TaskRef task) {
    push(task->priority(), [&](auto& tasks) { tasks.push_front(std::move(task)); });
  }

  TaskRef pop_front() {
    const auto first = others_.begin();
    std::deque<TaskRef>& tasks = is_usual_next() ? usual_ : first->second;
    TaskRef task = std::move(tasks.front());
    tasks.pop_front();
    if (&tasks != &usual_ && tasks.empty()) others_.erase(first);
    return task;
  }

 private:
  // A level of others_ is there while it has tasks, also if there is no memory for its first.
  template <class Push>
  void push(int priority, Push push_to) {
    if (priority == 0) return push_to(usual_);
    const auto level = others_.try_emplace(priority).first;
    try {
      push_to(level->second);
    } catch (...) {
      if (level->second.empty()) others_.erase(level);
      throw;
    }
  }
  bool is_usual_next() const noexcept {
    return others_.empty() || (!usual_.empty() && others_.begin()->first < 0);
  }

  std::deque<TaskRef> usual_;  // of priority 0: most, or all
  std::map<int, std::deque<TaskRef>, std::greater<>> others_;
};

}  // namespace shoal::pool
