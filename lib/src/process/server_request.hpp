// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "os/fd.hpp"
#include "process/server_protocol.hpp"

namespace shoal::process {

/// What a fork server has heard of its owner.
struct HeardRequest {
  enum class Kind {
    nothing,  ///< there is none
    start,    ///< `fds` are the child's control socket, then its standard output and error
    cut,      ///< a request whose descriptors were lost on the way
    end,      ///< the owner is gone, or does not speak the protocol
  };
  Kind kind = Kind::nothing;
  StartRequest request;
  std::vector<os::Fd> fds;
};

/// Takes the next request from a fork server's control socket, without waiting for one.
HeardRequest receive_request(int socket);

}  // namespace shoal::process
