// SPDX-License-Identifier: Apache-2.0
#include "os/signal.hpp"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace shoal::os {
namespace {

std::optional<EndedChild> reap_with(int options) noexcept {
  int status = 0;
  rusage used{};
  const int pid = retry_interrupted([&] { return ::wait4(-1, &status, options, &used); });
  if (pid <= 0) return std::nullopt;
  return EndedChild{pid, status, to_usage(used)};
}

}  // namespace

void block_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

Result<Fd> watch_children() noexcept {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  Fd watch(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!watch) return failure(errno, "signalfd");
  return watch;
}

void silence_children(int watch) noexcept {
  std::array<signalfd_siginfo, 16> seen;
  while (retry_interrupted([&] { return ::read(watch, seen.data(), sizeof seen); }) > 0) {
  }
}

std::optional<EndedChild> reap_any() noexcept { return reap_with(WNOHANG); }

std::optional<EndedChild> wait_any_child() noexcept { return reap_with(0); }

}  // namespace shoal::os
