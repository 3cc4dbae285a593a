// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shoal/duration.hpp"

namespace shoal {

namespace internal {
class ProcessRefState;
}

/// Refers to a process of the family: this one, its parent, or one of its children.
/// Copies refer to the same process and may be used from many threads; the process may end at any
/// time, which a ProcessRef survives. It does not end what it refers to.
class ProcessRef {
 public:
  /// "MainProcess" in a program started by a user, else the name the process was started with.
  std::string name() const;
  int pid() const;
  bool daemon() const;
  bool is_alive() const;

  /// A descriptor that poll(2) finds readable once the process has ended; valid as long as a copy
  /// of this object.
  int sentinel() const;

  /// Waits for the end; false if it still runs after `timeout`.
  /// @throws std::logic_error  it refers to the calling process
  bool join(Duration timeout = forever) const;

  /// Send SIGINT, SIGTERM, SIGKILL, by pidfd: never to a reused pid. No effect once it has ended.
  void interrupt() const;
  void terminate() const;
  void kill() const;

  /// Made by current_process(), parent_process() and active_children().
  explicit ProcessRef(std::shared_ptr<const internal::ProcessRefState> state) noexcept;

 private:
  std::shared_ptr<const internal::ProcessRefState> state_;
};

/// Gives the calling process.
/// Source: Python multiprocessing.current_process.
ProcessRef current_process();

/// Gives the process that started this one; none in a program that shoal did not start.
/// Source: Python multiprocessing.parent_process.
std::optional<ProcessRef> parent_process();

/// Lists the children made by Process that run; reaps those that have ended.
/// Safe from many threads. Source: Python multiprocessing.active_children.
std::vector<ProcessRef> active_children();

}  // namespace shoal
