// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "os/socket.hpp"

namespace shoal::os {

/// Where a TCP socket is, or is to be.
struct NetworkAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  /// True if only this machine reaches it.
  bool is_loopback() const noexcept;
  /// Gives "127.0.0.1:80" or "[::1]:80".
  std::string to_string() const;
};

/// Finds the addresses of a host, by its name or number; may ask a name server.
Result<std::vector<NetworkAddress>> resolve(const char* host, std::uint16_t port);

/// The longest path a Unix socket may have.
inline constexpr std::size_t kLongestSocketPath = 107;

/// Make a listening socket, close-on-exec; accept_one() does not wait on it. That of a path can be
/// opened by its owner alone, from its beginning on, whatever the umask.
Result<Fd> listen_at(const char* path) noexcept;
Result<Fd> listen_at(const NetworkAddress& address);
/// Where a socket stands.
Result<NetworkAddress> local_address(int socket) noexcept;

/// Takes the next client of a listening socket; none if nobody waits, or the one who did has gone.
Result<std::optional<Fd>> accept_one(int socket) noexcept;

/// Connect, and fail with ETIMEDOUT at `deadline`. Signals do not end the wait.
Result<Fd> connect_to(const char* path, base::Deadline deadline) noexcept;
Result<Fd> connect_to(const NetworkAddress& address, base::Deadline deadline);

/// The user whose process is at the other end of a Unix socket: as whom it listened or connected.
Result<unsigned> peer_user(int socket) noexcept;

/// True if `fd` is a TCP socket.
bool is_tcp_socket(int fd) noexcept;

/// Sends all of `bytes` through a stream. Fails with EPIPE where the peer is gone, never a signal.
Result<void> send_all(int socket, std::span<const std::byte> bytes) noexcept;
/// Receives some bytes of a stream; 0: the peer has ended it. EAGAIN where Wait::no would block.
Result<std::size_t> receive_some(int socket, std::span<std::byte> bytes, Wait wait) noexcept;
/// Copies what stands first in what has come, without taking it; never waits.
Result<std::size_t> peek(int socket, std::span<std::byte> bytes) noexcept;

}  // namespace shoal::os
