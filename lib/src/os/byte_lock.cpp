// SPDX-License-Identifier: Apache-2.0
#include "os/byte_lock.hpp"

#include <fcntl.h>

namespace shoal::os {
namespace {

struct flock lock_of(std::size_t byte) noexcept {
  struct flock lock {};  // l_pid must be 0
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

}  // namespace

Result<bool> try_lock_byte(int fd, std::size_t byte) noexcept {
  struct flock lock = lock_of(byte);
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return failure(errno, "fcntl", "%d, F_OFD_SETLK, byte %zu", fd, byte);
}

Result<bool> is_byte_locked(int fd, std::size_t byte) noexcept {
  struct flock lock = lock_of(byte);
  if (::fcntl(fd, F_OFD_GETLK, &lock) == 0) return lock.l_type != F_UNLCK;
  return failure(errno, "fcntl", "%d, F_OFD_GETLK, byte %zu", fd, byte);
}

}  // namespace shoal::os
