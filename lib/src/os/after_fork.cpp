// SPDX-License-Identifier: Apache-2.0
#include "os/after_fork.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
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
  // By number: whoever intercepts close(2) (ThreadSanitizer, a host's own library) keeps a table of
  // descriptors, and would take these for its process's own.
  for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; ++fd) ::syscall(SYS_close, fd);
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

int number_of(Resource resource) noexcept {
  switch (resource) {
    case Resource::private_memory:
      return RLIMIT_DATA;
    case Resource::cpu_time:
      return RLIMIT_CPU;
    case Resource::descriptors:
      return RLIMIT_NOFILE;
    case Resource::file_size:
      return RLIMIT_FSIZE;
  }
  return -1;
}

bool set_bound(const Bound& bound) noexcept {
  const auto resource = static_cast<__rlimit_resource_t>(number_of(bound.resource));
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return false;
  const rlim_t value = std::min<rlim_t>(bound.value, limit.rlim_max);
  switch (bound.resource) {
    case Resource::private_memory:
      limit = {value, value};
      break;
    case Resource::cpu_time:
      limit = {value, std::min<rlim_t>(value + 1, limit.rlim_max)};
      break;
    case Resource::descriptors:
      limit = {bound.value, bound.value};
      break;
    case Resource::file_size: {
      limit.rlim_cur = value;  // the other half stays: see FileSizeExemption
      struct sigaction action {};
      action.sa_handler = SIG_IGN;
      ::__sigaction(SIGXFSZ, &action, nullptr);
      break;
    }
  }
  return ::setrlimit(resource, &limit) == 0;
}

bool give_up_privileges() noexcept { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

void exit_now(int status) noexcept { ::_exit(status); }

}  // namespace shoal::os::after_fork
