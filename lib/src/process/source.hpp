// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "process/child.hpp"
#include "shoal/start_method.hpp"

namespace shoal::process {

/// Starts children by one start method. Safe from many threads.
class Source {
 public:
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Starts one child and hands it its name, environment and payload. Does not wait for its entry
  /// to run: who wants to know asks over the control socket.
  /// @throws StartError     naming the call that failed, its arguments and the reason
  /// @throws ResourceError  the payload has more descriptors than one message carries
  virtual std::shared_ptr<Child> start(const ChildSpec& spec) = 0;

 protected:
  Source() = default;
};

/// What the children are for: it decides how `fork` forks.
enum class SourceUse {
  processes,  ///< fork copies the caller at each start()
  pool,       ///< fork copies the caller once, here; every child comes from that parked copy
};

/// Opens the source of `method`.
/// @throws StartError  bootstrap() was not called (spawn, forkserver); this process is a daemonic
///                     child; or, for a pool of fork, the caller runs threads of its own
std::shared_ptr<Source> open_source(StartMethod method, SourceUse use);

/// @throws StartError  this process is a daemonic child, which may not start children
void require_may_start();

}  // namespace shoal::process
