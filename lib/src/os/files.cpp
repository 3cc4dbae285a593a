// SPDX-License-Identifier: Apache-2.0
#include "os/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace shoal::os {
namespace {

FileKind kind_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return FileKind::folder;
  if (S_ISSOCK(mode)) return FileKind::socket;
  return S_ISREG(mode) ? FileKind::regular : FileKind::other;
}

FileStatus to_status(const struct stat& status) noexcept {
  return {.kind = kind_of(status.st_mode),
          .mode = status.st_mode & 07777U,
          .owner = status.st_uid,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace

Result<FileStatus> status_of(const char* path, Links links) noexcept {
  struct stat status;
  const int flags = links == Links::keep ? AT_SYMLINK_NOFOLLOW : 0;
  if (::fstatat(AT_FDCWD, path, &status, flags) == 0) return to_status(status);
  if (errno == ENOENT) return FileStatus{};
  return failure(errno, "stat", "\"%s\"", path);
}

Result<FileStatus> status_of(int fd) noexcept {
  struct stat status;
  if (::fstat(fd, &status) != 0) return failure(errno, "fstat", "%d", fd);
  return to_status(status);
}

Result<void> make_private_folder(const char* path) noexcept {
  if (::mkdir(path, 0700) != 0) return failure(errno, "mkdir", "\"%s\"", path);
  return set_mode(path, 0700);  // a umask may have taken rights of the owner's
}

Result<std::string> make_random_folder(const std::string& prefix) {
  std::string path = prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return failure(errno, "mkdtemp", "\"%s\"", path.c_str());
  return path;
}

Result<Fd> open_private_file(const char* path) noexcept {
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const int fd = retry_interrupted([&] { return ::open(path, kFlags, 0600); });
  if (fd < 0) return failure(errno, "open", "\"%s\"", path);
  ::fchmod(fd, 0600);  // gives back what a umask has taken; fails for another user's, which is well
  return above_streams(fd);
}

Result<void> set_mode(const char* path, unsigned mode) noexcept {
  if (::chmod(path, mode) == 0) return {};
  return failure(errno, "chmod", "\"%s\", %o", path, mode);
}

Result<void> remove_file(const char* path) noexcept {
  if (::unlink(path) == 0) return {};
  return failure(errno, "unlink", "\"%s\"", path);
}

bool remove_folder(const char* path) noexcept { return ::rmdir(path) == 0; }

Result<bool> try_lock_file(int fd) noexcept {
  if (retry_interrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return failure(errno, "flock", "%d", fd);
}

unsigned effective_user() noexcept { return ::geteuid(); }

}  // namespace shoal::os
