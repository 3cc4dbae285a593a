// SPDX-License-Identifier: Apache-2.0
#include "os/fd.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace shoal::os {

Result<Fd> duplicate(int fd) noexcept {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return failure(errno, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  return Fd(copy);
}

Result<Fd> duplicate_high(int fd) noexcept {
  constexpr rlim_t kReserved = 16;
  constexpr rlim_t kHighest = 1 << 16;  // the kernel's table grows to the highest number in use
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return failure(errno, "getrlimit", "NOFILE");
  const rlim_t bound = std::min(limit.rlim_cur, kHighest);
  const int first = bound > 2 * kReserved ? static_cast<int>(bound - kReserved) : 3;
  int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, first);
  if (copy < 0) copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return failure(errno, "fcntl", "%d, F_DUPFD_CLOEXEC", fd);
  return Fd(copy);
}

Fd above_streams(int fd) noexcept {
  if (fd < 0 || fd > STDERR_FILENO) return Fd(fd);
  const Fd low(fd);
  return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Result<Fd> open_file(const char* path, int flags) noexcept {
  const int fd = retry_interrupted([&] { return ::open(path, flags | O_CLOEXEC); });
  if (fd < 0) return failure(errno, "open", "\"%s\"", path);
  return above_streams(fd);
}

Result<Fd> create_file(const char* path) noexcept {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int fd = retry_interrupted([&] { return ::open(path, kFlags, 0666); });
  if (fd < 0) return failure(errno, "open", "\"%s\"", path);
  return above_streams(fd);
}

Result<std::size_t> read_some(int fd, std::span<std::byte> bytes) noexcept {
  const ssize_t count = retry_interrupted([&] { return ::read(fd, bytes.data(), bytes.size()); });
  if (count < 0) return failure(errno, "read", "%d, %zu bytes", fd, bytes.size());
  return static_cast<std::size_t>(count);
}

Result<void> read_at(int fd, std::size_t offset, std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = retry_interrupted(
        [&] { return ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count <= 0) {
      return failure(count < 0 ? errno : ENODATA, "pread", "%d, %zu bytes", fd, bytes.size());
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> write_all(int fd, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (count < 0) return failure(errno, "write", "%d, %zu bytes", fd, bytes.size());
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::string> read_text(const char* path) {
  Result<Fd> file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  std::string text;
  std::array<std::byte, 4096> chunk;
  for (;;) {
    const Result<std::size_t> count = read_some(file->get(), chunk);
    if (!count) return count.error();
    if (*count == 0) return text;
    text.append(reinterpret_cast<const char*>(chunk.data()), *count);
  }
}

void close_on_exec(int fd) noexcept { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

bool is_open(int fd) noexcept { return ::fcntl(fd, F_GETFD) != -1; }

}  // namespace shoal::os
