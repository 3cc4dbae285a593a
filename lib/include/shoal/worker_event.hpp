// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace shoal {

/// What happened to a worker of a pool.
struct WorkerEvent {
  enum class Kind {
    started,       ///< its process runs
    ready,         ///< it has run the initializer and takes tasks
    ended,         ///< it left: the pool ends, or shrinks
    recycled,      ///< it left, for another to take its place: PoolOptions::max_…_per_child
    lost,          ///< it died, or was ended with the task that it ran; another takes its place
    start_failed,  ///< it could not be started
    broken,        ///< the pool gives up
  };

  Kind kind = Kind::started;
  unsigned index = 0;                   ///< its place in the pool, from 0
  int pid = 0;                          ///< 0 if it never ran
  std::optional<int> signal = {};       ///< that ended it
  std::optional<int> exit_status = {};  ///< that it exited with
  std::string message = {};             ///< what a person would like to read
};

}  // namespace shoal
