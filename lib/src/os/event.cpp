// SPDX-License-Identifier: Apache-2.0
#include "os/event.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace shoal::os {

Result<Bell> create_bell() noexcept {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return failure(errno, "pipe2");
  return Bell{above_streams(ends[0]), above_streams(ends[1])};
}

Result<Fd> create_event() noexcept {
  Fd event = above_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return failure(errno, "eventfd");
  return event;
}

bool ring(int button) noexcept {
  const std::uint64_t one = 1;
  // EAGAIN means that it rings already. SIGPIPE would take a host that has closed our ears.
  return retry_interrupted([&] { return ::write(button, &one, sizeof one); }) > 0 ||
         errno == EAGAIN;
}

bool silence(int ear) noexcept {
  std::array<std::uint64_t, 512> rings;
  return retry_interrupted([&] { return ::read(ear, rings.data(), sizeof rings); }) > 0;
}

Result<std::vector<std::size_t>> wait_readable(std::span<const int> fds, base::Deadline deadline) {
  std::vector<pollfd> polled;
  polled.reserve(fds.size());
  for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
  int count = 0;
  do {
    count = ::poll(polled.data(), polled.size(), deadline.left_milliseconds());
  } while ((count < 0 && errno == EINTR) || (count == 0 && !deadline.is_past()));
  if (count < 0) return failure(errno, "poll", "%zu descriptors", fds.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < polled.size(); ++i) {
    if ((polled[i].revents & POLLNVAL) != 0) return failure(EBADF, "poll", "%d", fds[i]);
    if (polled[i].revents != 0) ready.push_back(i);
  }
  return ready;
}

Result<bool> wait_readable(int fd, base::Deadline deadline) noexcept {
  pollfd polled{fd, POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&polled, 1, deadline.left_milliseconds());
  } while ((count < 0 && errno == EINTR) || (count == 0 && !deadline.is_past()));
  if (count < 0) return failure(errno, "poll", "%d", fd);
  if ((polled.revents & POLLNVAL) != 0) return failure(EBADF, "poll", "%d", fd);
  return count > 0;
}

Result<void> wait_ready(std::span<Watched> watched, base::Deadline deadline) {
  std::vector<pollfd> polled;
  polled.reserve(watched.size());
  for (const Watched& one : watched) {
    polled.push_back({one.fd, static_cast<short>(one.for_writing ? POLLOUT : POLLIN), 0});
  }
  int count = 0;
  do {
    count = ::poll(polled.data(), polled.size(), deadline.left_milliseconds());
  } while ((count < 0 && errno == EINTR) || (count == 0 && !deadline.is_past()));
  if (count < 0) return failure(errno, "poll", "%zu descriptors", watched.size());
  for (std::size_t i = 0; i < polled.size(); ++i) watched[i].is_ready = polled[i].revents != 0;
  return {};
}

Result<Poller> Poller::create() noexcept {
  Fd fd = above_streams(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return failure(errno, "epoll_create1");
  return Poller(std::move(fd));
}

Result<void> Poller::add(int fd, std::uint64_t key) noexcept {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return failure(errno, "epoll_ctl", "EPOLL_CTL_ADD, %d", fd);
  }
  return {};
}

void Poller::watch_for_end(int fd, std::uint64_t key) noexcept {
  epoll_event event{};  // no events asked for: EPOLLHUP comes unasked
  event.data.u64 = key;
  ::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) noexcept { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

Result<std::vector<std::uint64_t>> Poller::wait(base::Deadline deadline) {
  std::array<epoll_event, 64> events;
  int count = 0;
  do {
    count = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()),
                         deadline.left_milliseconds());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return failure(errno, "epoll_wait");
  std::vector<std::uint64_t> keys;
  for (int i = 0; i < count; ++i) keys.push_back(events[static_cast<std::size_t>(i)].data.u64);
  return keys;
}

}  // namespace shoal::os
