// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "channel/handshake.hpp"
#include "channel/transport.hpp"
#include "os/fd.hpp"
#include "os/socket.hpp"

namespace shoal::channel {

enum class Exchange {
  waits,  ///< for the other side
  ended,  ///< done, or refused
  gone,   ///< the other side is
};

/// Sends and takes what a handshake has to over `socket`, as far as that goes without waiting.
Exchange exchange(int socket, os::SocketKind kind, Handshake& handshake);

/// A nonce that was never used. @throws ResourceError
Nonce make_nonce();

/// What carries messages over `socket` once the handshake is done.
std::shared_ptr<Transport> make_transport(os::Fd socket, os::SocketKind kind, Side side,
                                          const Handshake& handshake);

}  // namespace shoal::channel
