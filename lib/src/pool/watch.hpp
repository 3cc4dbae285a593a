// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "pool/task.hpp"

namespace shoal::pool {

/// Tasks, of whatever pools, that a thread waits for together: a link stands at each that is not
/// done. Used by one thread.
class Watch {
 public:
  /// `tasks` are distinct.
  explicit Watch(std::vector<TaskRef> tasks);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Waits until `count` are done, or, if `ends_at_failure`, one has failed; false at `deadline`.
  bool wait(std::size_t count, bool ends_at_failure, base::Deadline deadline);
  /// Waits for one more that is done, and lets go of it; those done before come first. None at
  /// `deadline`.
  TaskRef next(base::Deadline deadline);

  /// How many there were, and how many next() has not given.
  std::size_t size() const noexcept { return tasks_.size(); }
  std::size_t left() const noexcept { return left_; }

 private:
  std::vector<TaskRef> tasks_;     // those that were given are none
  std::vector<WaiterLink> links_;  // by the same index
  Waiter self_;
  std::size_t done_ = 0;  // as self_.wanted was last set
  bool has_failed_ = false;
  std::size_t left_;
  std::uint32_t generation_;
};

}  // namespace shoal::pool
