// SPDX-License-Identifier: Apache-2.0
#include "os/network.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>

namespace shoal::os {
namespace {

struct PathAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

Result<PathAddress> path_address(const char* path) noexcept {
  PathAddress made;
  const std::size_t length = std::strlen(path);
  if (length > kLongestSocketPath) return failure(ENAMETOOLONG, "bind", "\"%s\"", path);
  made.address.sun_family = AF_UNIX;
  std::memcpy(made.address.sun_path, path, length + 1);
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + 1);
  return made;
}

template <class T>
const sockaddr* as_sockaddr(const T& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<Fd> make_socket(int family, int type) noexcept {
  Fd fd = above_streams(::socket(family, type | SOCK_CLOEXEC, 0));
  if (!fd) return failure(errno, "socket", "%d, %d", family, type);
  return fd;
}

void switch_on(int fd, int level, int option) noexcept {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

// What a TCP socket of ours is: small messages go at once, and a host that has vanished is noticed.
void tune(int fd) noexcept {
  switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
  switch_on(fd, SOL_SOCKET, SO_KEEPALIVE);
}

// Bounds how long connect() may wait for room among those who wait to be accepted.
void set_patience(int fd, base::Deadline deadline) noexcept {
  timeval patience{};
  if (!deadline.is_never()) {
    const int left = deadline.left_milliseconds();
    patience.tv_sec = left / 1000;
    patience.tv_usec = left == 0 ? 1000 : left % 1000 * 1000;  // 0 would be for ever
  }
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Result<void> await_connected(int fd, const NetworkAddress& to, base::Deadline deadline) {
  pollfd polled{fd, POLLOUT, 0};
  int count = 0;
  do {
    count = ::poll(&polled, 1, deadline.left_milliseconds());
  } while ((count < 0 && errno == EINTR) || (count == 0 && !deadline.is_past()));
  int error = count < 0 ? errno : ETIMEDOUT;
  socklen_t size = sizeof error;
  if (count > 0) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return failure(error, "connect", "%s", to.to_string().c_str());
  return {};
}

}  // namespace

bool NetworkAddress::is_loopback() const noexcept {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

std::string NetworkAddress::to_string() const {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int error = ::getnameinfo(as_sockaddr(storage), size, host.data(), host.size(), port.data(),
                                  port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return "?";
  const std::string name(host.data());
  return (storage.ss_family == AF_INET6 ? '[' + name + ']' : name) + ':' + port.data();
}

Result<std::vector<NetworkAddress>> resolve(const char* host, std::uint16_t port) {
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  wish.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host, std::to_string(port).c_str(), &wish, &list);
  if (error != 0) {
    const int number = error == EAI_SYSTEM ? errno : error == EAI_MEMORY ? ENOMEM : EHOSTUNREACH;
    return failure(number, "getaddrinfo", "\"%s\": %s", host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &::freeaddrinfo);
  std::vector<NetworkAddress> found;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    NetworkAddress& address = found.emplace_back();
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
  }
  return found;
}

Result<Fd> listen_at(const char* path) noexcept {
  const Result<PathAddress> at = path_address(path);
  if (!at) return at.error();
  Result<Fd> fd = make_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
  if (!fd) return fd;
  // The name gets these rights as it is made, less what the umask takes: chmod() gives that back.
  if (::fchmod(fd->get(), 0600) != 0) return failure(errno, "fchmod", "%d", fd->get());
  if (::bind(fd->get(), as_sockaddr(at->address), at->size) != 0) {
    return failure(errno, "bind", "\"%s\"", path);
  }
  if (::chmod(path, 0600) != 0 || ::listen(fd->get(), SOMAXCONN) != 0) {
    const int error = errno;
    ::unlink(path);
    return failure(error, "listen", "\"%s\"", path);
  }
  return fd;
}

Result<Fd> listen_at(const NetworkAddress& address) {
  Result<Fd> fd = make_socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK);
  if (!fd) return fd;
  switch_on(fd->get(), SOL_SOCKET, SO_REUSEADDR);  // connections of an earlier one may linger
  if (::bind(fd->get(), as_sockaddr(address.storage), address.size) != 0 ||
      ::listen(fd->get(), SOMAXCONN) != 0) {
    return failure(errno, "bind", "%s", address.to_string().c_str());
  }
  return fd;
}

Result<NetworkAddress> local_address(int socket) noexcept {
  NetworkAddress address;
  address.size = sizeof address.storage;
  auto* const storage = reinterpret_cast<sockaddr*>(&address.storage);
  if (::getsockname(socket, storage, &address.size) == 0) return address;
  return failure(errno, "getsockname", "%d", socket);
}

Result<std::optional<Fd>> accept_one(int socket) noexcept {
  Fd fd = above_streams(
      retry_interrupted([&] { return ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC); }));
  if (fd) {
    if (is_tcp_socket(fd.get())) tune(fd.get());
    return std::optional<Fd>(std::move(fd));
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EBADF:
    case EINVAL:
      return failure(errno, "accept4", "%d", socket);
    default:
      return std::optional<Fd>();  // nobody, or he who came has gone: accept(2) lists many errors
  }
}

Result<Fd> connect_to(const char* path, base::Deadline deadline) noexcept {
  const Result<PathAddress> to = path_address(path);
  if (!to) return to.error();
  Result<Fd> fd = make_socket(AF_UNIX, SOCK_SEQPACKET);
  if (!fd) return fd;
  int result = 0;
  do {
    set_patience(fd->get(), deadline);
    result = ::connect(fd->get(), as_sockaddr(to->address), to->size);
  } while (result != 0 && (errno == EINTR || (errno == EAGAIN && !deadline.is_past())));
  if (result != 0) return failure(errno == EAGAIN ? ETIMEDOUT : errno, "connect", "\"%s\"", path);
  set_patience(fd->get(), base::Deadline::never());
  return fd;
}

Result<Fd> connect_to(const NetworkAddress& address, base::Deadline deadline) {
  Result<Fd> fd = make_socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK);
  if (!fd) return fd;
  if (::connect(fd->get(), as_sockaddr(address.storage), address.size) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) {
      return failure(errno, "connect", "%s", address.to_string().c_str());
    }
    const Result<void> connected = await_connected(fd->get(), address, deadline);
    if (!connected) return connected.error();
  }
  const int flags = ::fcntl(fd->get(), F_GETFL);
  ::fcntl(fd->get(), F_SETFL, flags & ~O_NONBLOCK);
  tune(fd->get());
  return fd;
}

Result<unsigned> peer_user(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) return peer.uid;
  return failure(errno, "getsockopt", "%d, SO_PEERCRED", socket);
}

bool is_tcp_socket(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return false;
  return protocol == IPPROTO_TCP;
}

Result<void> send_all(int socket, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t sent =
        retry_interrupted([&] { return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent < 0) return failure(errno, "send", "%d, %zu bytes", socket, bytes.size());
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::size_t> receive_some(int socket, std::span<std::byte> bytes, Wait wait) noexcept {
  const int flags = wait == Wait::no ? MSG_DONTWAIT : 0;
  const ssize_t size =
      retry_interrupted([&] { return ::recv(socket, bytes.data(), bytes.size(), flags); });
  if (size < 0) return failure(errno, "recv", "%d, %zu bytes", socket, bytes.size());
  return static_cast<std::size_t>(size);
}

Result<std::size_t> peek(int socket, std::span<std::byte> bytes) noexcept {
  const ssize_t size = retry_interrupted(
      [&] { return ::recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT); });
  if (size < 0) return failure(errno, "recv", "%d, MSG_PEEK", socket);
  return static_cast<std::size_t>(size);
}

}  // namespace shoal::os
