// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "os/fd.hpp"

namespace shoal::os {

/// The most descriptors one message carries (the kernel's SCM_MAX_FD).
inline constexpr std::size_t kMaxDescriptorsPerMessage = 253;

enum class SocketKind {
  messages,  ///< SOCK_SEQPACKET: keeps the bounds of what was sent
  bytes,     ///< SOCK_STREAM
};

/// Makes two connected Unix sockets, close-on-exec.
Result<std::pair<Fd, Fd>> create_socket_pair(SocketKind kind) noexcept;

enum class Wait { yes, no };

/// Sends one message with the descriptors that ride along. A message is sent whole or not at all.
/// Fails with EPIPE where the peer is gone (never a signal) and EAGAIN where Wait::no would block.
Result<void> send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds,
                          Wait wait) noexcept;

struct Message {
  std::size_t size = 0;  ///< bytes put into the buffer; 0 with no descriptors: the peer is gone
  std::vector<Fd> fds;   ///< close-on-exec
  bool is_cut = false;   ///< the message was longer than the buffer, or descriptors were dropped
  int sender_pid = 0;    ///< by the kernel's word; 0 where tell_senders() was not called
};

/// Receives one message into `buffer`. Fails with EAGAIN where Wait::no would block.
Result<Message> receive_message(int socket, std::span<std::byte> buffer, Wait wait);

/// From now on each message received from `socket` says which process sent it.
Result<void> tell_senders(int socket) noexcept;

/// True if `fd` is a Unix socket of that kind.
bool is_unix_socket(int fd, SocketKind kind) noexcept;

/// Ends one direction of a socket: 0 reading, 1 writing, 2 both, as shutdown(2).
void shut_down(int socket, int how) noexcept;

}  // namespace shoal::os
