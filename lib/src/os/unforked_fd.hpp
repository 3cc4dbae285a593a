// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "os/fd.hpp"

namespace shoal::os {

/// Owns a descriptor that no fork(2) hands on: the child's copy is closed before fork returns
/// there, and a fork waits while one is being made. So what hangs on the open file, a lock, ends
/// with this process alone. A child that is cloned past the handlers of pthread_atfork, without an
/// exec, keeps it.
class UnforkedFd {
 public:
  UnforkedFd() noexcept = default;
  /// Makes a new file for reading and writing, its user's alone; fails where `path` is taken.
  static Result<UnforkedFd> create_file(const char* path);

  UnforkedFd(UnforkedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UnforkedFd& operator=(UnforkedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UnforkedFd();

  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace shoal::os
