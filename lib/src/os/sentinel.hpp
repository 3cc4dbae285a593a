// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "os/fd.hpp"

struct rusage;

namespace shoal::os {

/// What a process has used in its life.
struct Usage {
  std::int64_t user_nanoseconds = 0;
  std::int64_t system_nanoseconds = 0;
  std::uint64_t max_rss_bytes = 0;
};

/// Translates what wait4(2) says.
Usage to_usage(const rusage& used) noexcept;

/// How a process ended: with a status of its own, or by a signal.
struct ExitStatus {
  int code = 0;    ///< exit(code), where `signal` is 0
  int signal = 0;  ///< the signal that killed it, or 0
  bool dumped_core = false;
  std::optional<Usage> usage = {};  ///< where whoever reaped it has told

  /// Python's convention: N for exit(N), -S for signal S.
  int exitcode() const noexcept { return signal != 0 ? -signal : code; }
};

/// "SIGSEGV", or "signal 40" for one without a name.
std::string signal_name(int signal);

/// A pollable descriptor of a process that is known to be alive or not yet reaped.
Result<Fd> open_sentinel(int pid) noexcept;

/// Sends `signal` to the very process `sentinel` stands for: never to a reused pid.
/// Fails with ESRCH once it has ended.
Result<void> send_signal(int sentinel, int signal) noexcept;

/// True once every thread of the process has ended.
bool has_ended(int sentinel) noexcept;

/// Reaps a child of this process that has ended and tells how. None where it runs still, or where a
/// debugger is to hear of it first. Fails with ECHILD where somebody else reaped it (a host that
/// ignores SIGCHLD or reaps everything): ask recall_exit.
Result<std::optional<ExitStatus>> reap(int sentinel) noexcept;

/// Asks the kernel how a process that somebody else reaped ended (Linux 6.15 and later).
std::optional<ExitStatus> recall_exit(int sentinel) noexcept;

/// Translates a wait(2) status.
ExitStatus decode_wait_status(int status) noexcept;

}  // namespace shoal::os
