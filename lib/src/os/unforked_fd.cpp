// SPDX-License-Identifier: Apache-2.0
#include "os/unforked_fd.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <vector>

namespace shoal::os {
namespace {

// Never destroyed: forks may come late.
struct Unforked {
  std::mutex mutex;  // held over every fork(2)
  std::vector<int> fds;
};

Unforked& unforked() {
  static auto* const made = new Unforked;
  return *made;
}

void before_fork() { unforked().mutex.lock(); }
void after_fork_in_parent() { unforked().mutex.unlock(); }
void after_fork_in_child() {
  for (const int fd : unforked().fds) ::close(fd);
  unforked().fds.clear();
  unforked().mutex.unlock();
}

Result<void> watch_forks() {
  static const int error = ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  if (error != 0) return failure(error, "pthread_atfork");
  return {};
}

}  // namespace

Result<UnforkedFd> UnforkedFd::create_file(const char* path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  constexpr mode_t kOwn = S_IRUSR | S_IWUSR;
  const Result<void> watched = watch_forks();
  if (!watched) return watched.error();
  const std::lock_guard guard(unforked().mutex);
  unforked().fds.reserve(unforked().fds.size() + 1);
  const Fd low(retry_interrupted([&] { return ::open(path, kFlags, kOwn); }));
  if (!low) return failure(errno, "open", "\"%s\", O_CREAT | O_EXCL", path);
  Result<Fd> high = ::fchmod(low.get(), kOwn) == 0  // whatever the umask is
                        ? duplicate_high(low.get())
                        : Result<Fd>(failure(errno, "fchmod", "\"%s\"", path));
  if (!high) {
    ::unlink(path);
    return high.error();
  }
  UnforkedFd made;
  made.fd_ = high->release();
  unforked().fds.push_back(made.fd_);
  return made;
}

UnforkedFd::~UnforkedFd() {
  if (fd_ < 0) return;
  const std::lock_guard guard(unforked().mutex);
  // In a fork's copy it is closed already, and its number may be somebody else's.
  if (std::erase(unforked().fds, fd_) == 1) ::close(fd_);
}

}  // namespace shoal::os
