// SPDX-License-Identifier: Apache-2.0
#include "os/after_fork.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "os/error.hpp"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// glibc's sigaction(2) by its other name: ThreadSanitizer intercepts the usual one and keeps a
// table of handlers, which a child that shares our memory until its exec must not change.
extern "C" int __sigaction(int signal, const struct sigaction* action,
                           struct sigaction* old) noexcept;

namespace shoal::os::after_fork {
namespace {

// close_range(2), or one close at a time where the kernel or a seccomp filter refuses it.
void close_between(unsigned first, unsigned last) noexcept {
  if (first > last) return;
  if (::syscall(SYS_close_range, first, last, 0) == 0) return;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; ++fd) ::close(static_cast<int>(fd));
}

}  // namespace

bool follow_parent(int parent, int signal) noexcept {
  ::prctl(PR_SET_PDEATHSIG, signal);
  return ::getppid() == parent;
}

void close_all_but(std::span<const int> keep) noexcept {
  unsigned next = 3;
  for (const int fd : keep) {
    if (fd < static_cast<int>(next)) continue;
    close_between(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_between(next, ~0U);
}

void reset_signals() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  // SIGKILL, SIGSTOP and glibc's own two refuse; that is no failure.
  for (int signal = 1; signal < NSIG; ++signal) ::__sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void detach_stdin() noexcept { place_descriptor(-1, STDIN_FILENO); }

void plug_standard_streams() noexcept {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) == -1) place_descriptor(-1, stream);
  }
}

void place_descriptor(int fd, int target) noexcept {
  const int source = fd >= 0 ? fd : ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (source < 0) return;
  if (source == target) {
    ::fcntl(target, F_SETFD, 0);
    return;
  }
  ::dup2(source, target);
  if (fd < 0) ::close(source);
}

void drop_unflushed_output() noexcept { __fpurge(stdout); }

void log(const char* text) noexcept {
  [[maybe_unused]] const ssize_t written =
      retry_interrupted([&] { return ::write(STDERR_FILENO, text, std::strlen(text)); });
}

void exit_now(int status) noexcept { ::_exit(status); }

}  // namespace shoal::os::after_fork
