// SPDX-License-Identifier: Apache-2.0
#include "os/socket.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <exception>
#include <new>

namespace shoal::os {
namespace {

int type_of(SocketKind kind) noexcept {
  return kind == SocketKind::messages ? SOCK_SEQPACKET : SOCK_STREAM;
}

// Room for the control data of the largest message.
struct ControlBuffer {
  static constexpr std::size_t kBytes =
      CMSG_SPACE(kMaxDescriptorsPerMessage * sizeof(int)) + CMSG_SPACE(sizeof(ucred));
  alignas(cmsghdr) std::array<char, kBytes> bytes;
};

void attach(msghdr& header, ControlBuffer& control, std::span<const int> fds) noexcept {
  if (fds.empty()) return;
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
}

void detach(msghdr& header, Message& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
      message.sender_pid = sender.pid;
    }
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::exception_ptr no_memory;
    try {
      message.fds.reserve(message.fds.size() + count);
    } catch (const std::bad_alloc&) {
      no_memory = std::current_exception();
    }
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      Fd received = above_streams(fd);
      if (no_memory == nullptr) message.fds.push_back(std::move(received));
    }
    if (no_memory != nullptr) std::rethrow_exception(no_memory);
  }
}

}  // namespace

Result<std::pair<Fd, Fd>> create_socket_pair(SocketKind kind) noexcept {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type_of(kind) | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failure(errno, "socketpair");
  }
  return std::pair(above_streams(ends[0]), above_streams(ends[1]));
}

Result<void> send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds,
                          Wait wait) noexcept {
  if (fds.size() > kMaxDescriptorsPerMessage) {
    return failure(EINVAL, "sendmsg", "%d, %zu descriptors", socket, fds.size());
  }
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  attach(header, control, fds);
  const int flags = MSG_NOSIGNAL | (wait == Wait::no ? MSG_DONTWAIT : 0);
  const ssize_t sent = retry_interrupted([&] { return ::sendmsg(socket, &header, flags); });
  if (sent < 0) return failure(errno, "sendmsg", "%d, %zu bytes", socket, bytes.size());
  return {};
}

Result<Message> receive_message(int socket, std::span<std::byte> buffer, Wait wait) {
  iovec part{buffer.data(), buffer.size()};
  ControlBuffer control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::no ? MSG_DONTWAIT : 0);
  const ssize_t size = retry_interrupted([&] { return ::recvmsg(socket, &header, flags); });
  if (size < 0) return failure(errno, "recvmsg", "%d", socket);
  Message message;
  message.size = static_cast<std::size_t>(size);
  detach(header, message);
  message.is_cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return message;
}

Result<void> tell_senders(int socket) noexcept {
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0) return {};
  return failure(errno, "setsockopt", "%d, SO_PASSCRED", socket);
}

bool is_unix_socket(int fd, SocketKind kind) noexcept {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  return domain == AF_UNIX && type == type_of(kind);
}

void shut_down(int socket, int how) noexcept { ::shutdown(socket, how); }

}  // namespace shoal::os
