// SPDX-License-Identifier: Apache-2.0
#include "os/sentinel.hpp"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "os/event.hpp"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_send_signal 424
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace shoal::os {
namespace {

// <linux/pidfd.h> of Linux 6.15, which Debian 12's headers lack.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t ids[11];  // pid, tgid, ppid, and the eight uids and gids
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoExit = 1U << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

Usage to_usage(const rusage& used) noexcept {
  const auto nanoseconds = [](const timeval& time) {
    return (std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec) * 1'000;
  };
  return {nanoseconds(used.ru_utime), nanoseconds(used.ru_stime),
          static_cast<std::uint64_t>(used.ru_maxrss) << 10};
}

Result<Fd> open_sentinel(int pid) noexcept {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return failure(errno, "pidfd_open", "%d", pid);
  return above_streams(static_cast<int>(fd));
}

Result<void> send_signal(int sentinel, int signal) noexcept {
  if (::syscall(SYS_pidfd_send_signal, sentinel, signal, nullptr, 0) != 0) {
    return failure(errno, "pidfd_send_signal", "%d, signal %d", sentinel, signal);
  }
  return {};
}

bool has_ended(int sentinel) noexcept {
  const Result<bool> readable = wait_readable(sentinel, base::Deadline::now());
  return readable && *readable;
}

Result<std::optional<ExitStatus>> reap(int sentinel) noexcept {
  siginfo_t info{};
  rusage used{};
  // glibc's waitid() leaves out the last parameter.
  const long result = retry_interrupted([&] {
    return ::syscall(SYS_waitid, P_PIDFD, sentinel, &info, WEXITED | WNOHANG, &used);
  });
  if (result != 0) return failure(errno, "waitid", "P_PIDFD, %d", sentinel);
  if (info.si_pid == 0) return std::optional<ExitStatus>();
  const bool has_exited = info.si_code == CLD_EXITED;
  return std::optional(ExitStatus{has_exited ? info.si_status : 0, has_exited ? 0 : info.si_status,
                                  info.si_code == CLD_DUMPED, to_usage(used)});
}

std::optional<ExitStatus> recall_exit(int sentinel) noexcept {
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  if (::ioctl(sentinel, kPidfdGetInfo, &info) != 0) return std::nullopt;
  if ((info.mask & kPidfdInfoExit) == 0) return std::nullopt;
  return decode_wait_status(info.exit_code);
}

ExitStatus decode_wait_status(int status) noexcept {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status), WCOREDUMP(status) != 0, {}};
  return {WEXITSTATUS(status), 0, false, {}};
}

}  // namespace shoal::os
