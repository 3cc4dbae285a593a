// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/child.hpp"

namespace shoal::process {

/// Whose copy a fork server is.
enum class ServerKind {
  clean,   ///< the program executed afresh, single-threaded: the fork server of `forkserver`
  parked,  ///< a copy of the caller, made once: the source of a pool of `fork`
};

/// A fork server's work, as the entry of a child: forks children on request and reports their ends.
/// Payload: a ServerKind, the socket for the reports, and what to preload; requests come over the
/// control socket.
///
/// It lives until its parent ends or closes the control socket; signals to it are blocked. Before
/// it goes it kills its children, then every descendant that is re-parented to it. It notices even
/// if it was stopped: the kernel sends it SIGCONT when its parent dies.
int server_main(ChildContext& context);

}  // namespace shoal::process
