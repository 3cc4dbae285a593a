// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "os/child.hpp"
#include "os/fd.hpp"
#include "os/sentinel.hpp"
#include "shoal/reader.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

namespace shoal::process {

/// What a child finds when it begins: its name, what its parent gave it, and the line to its
/// parent.
struct ChildContext {
  std::string name;
  std::vector<std::byte> bytes;                              ///< ChildSpec::payload's
  std::vector<std::shared_ptr<const UniqueFd>> descriptors;  ///< ChildSpec::payload's
  os::Fd control;  ///< the child's end of a SOCK_SEQPACKET pair; Child::take_control() is the other

  /// Reads the payload from its start.
  Reader payload() const { return Reader(bytes, descriptors); }
};

/// A child's own work; runs in the child on its first thread. What it returns is the exit code;
/// what it throws is written to stderr and ends the child with code 1.
using Entry = int (*)(ChildContext&);

/// What to start.
struct ChildSpec {
  std::string name;  ///< shown in ps (15 bytes of it), logs and traces
  std::string identity =
      {};  ///< "1:2": names the child's own children; empty: the next of this process
  bool is_daemon = false;  ///< may not start children itself
  Entry entry = nullptr;
  Writer payload = {};                                  ///< bytes, and descriptors that ride along
  std::map<std::string, std::string> environment = {};  ///< set in the child over what it inherits
  bool keeps_descriptors = false;  ///< only of fork for a Process: the child keeps the caller's
  bool fork_with_threads = false;  ///< fork although the caller runs threads of its own
};

/// Has `hook` called by whoever learns that a child did not end of itself with status 0: once for
/// each, when its status is asked for. One hook a program.
void call_after_violent_end(void (*hook)() noexcept) noexcept;

class ExitReports;

/// The parent's side of one child process, whoever forked it.
/// Safe from many threads. In a forked copy of the process that made it, it does nothing: the
/// descriptors are not closed and the child is not reaped there. Letting go of it neither ends nor
/// awaits the child: whoever starts one calls exit_status() or end(), or leaves a zombie.
class Child {
 public:
  /// A child of this very process.
  Child(os::ChildProcess process, os::Fd control);
  /// A child of a fork server, which reports the exit of `ticket` by `reports`.
  Child(os::ChildProcess process, os::Fd control, std::shared_ptr<ExitReports> reports,
        std::uint64_t ticket);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int pid() const noexcept { return process_.pid; }
  /// A pidfd: readable once every thread of the child has ended.
  int sentinel() const noexcept { return process_.sentinel.get(); }
  bool has_ended() const noexcept;

  /// Waits for the end; false if the child still runs at `deadline`. Reaps nothing.
  bool wait(base::Deadline deadline) const noexcept;

  /// Waits for the end and tells how it came about; the first caller reaps, all are told the same.
  /// None where the child still runs at `deadline` or its fork server has not told by then, or
  /// where nobody knows any more (a host that reaps everything, a fork server that died first or
  /// has stood still for 10 s): has_ended() tells the first from the others.
  std::optional<os::ExitStatus> exit_status(base::Deadline deadline = base::Deadline::never());

  /// Sends `signal` to this very process, never to a reused pid. ESRCH once it has ended.
  base::Result<void> signal(int signal) noexcept;

  /// Asks the child to end (SIGTERM), makes it (SIGKILL) after `grace`, and reaps it.
  void end(Duration grace);

  /// Gives away the parent's end of the control socket; empty the second time.
  os::Fd take_control() noexcept;

 private:
  bool claim(base::Deadline deadline);

  os::ChildProcess process_;
  const std::uint32_t generation_;
  const std::shared_ptr<ExitReports> reports_;
  const std::uint64_t ticket_;
  std::mutex mutex_;
  os::Fd control_;                        // guarded by mutex_
  bool is_claimed_ = false;               // guarded by mutex_
  std::optional<os::ExitStatus> status_;  // guarded by mutex_
};

}  // namespace shoal::process
