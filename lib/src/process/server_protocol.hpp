// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "os/sentinel.hpp"

// What a fork server and its owner say to each other, as SOCK_SEQPACKET messages. Two sockets:
// requests and their replies on the server's control socket, one at a time; exit reports, which
// nobody asks for, on another.

namespace shoal::process {

/// Owner to server: fork. Descriptors: the child's control socket, then the standard output and
/// error it shall have, where the owner has them.
struct StartRequest {
  std::uint64_t ticket = 0;  ///< names the child in what follows; never used twice
  std::uint32_t has_output = 0;
  std::uint32_t has_error = 0;
};

/// Server to owner: forked, or not. Descriptor: the child's pidfd, if it was.
struct StartReply {
  std::uint64_t ticket = 0;
  std::int32_t pid = 0;
  std::int32_t error = 0;  ///< an errno, or 0
};

/// Server to owner: a child has ended.
struct ExitReport {
  std::uint64_t ticket = 0;
  std::int32_t status = 0;  ///< as of wait(2)
  std::int32_t padding = 0;
  os::Usage usage = {};
};

/// The bytes of one such message.
template <class Message>
std::span<const std::byte> bytes_of(const Message& message) noexcept {
  return std::as_bytes(std::span(&message, 1));
}
template <class Message>
std::span<std::byte> writable_bytes_of(Message& message) noexcept {
  return std::as_writable_bytes(std::span(&message, 1));
}

}  // namespace shoal::process
