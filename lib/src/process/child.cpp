// SPDX-License-Identifier: Apache-2.0
#include "process/child.hpp"

#include <csignal>
#include <utility>

#include "os/event.hpp"
#include "process/exit_reports.hpp"
#include "process/runtime.hpp"

namespace shoal::process {

Child::Child(os::ChildProcess process, os::Fd control)
    : Child(std::move(process), std::move(control), nullptr, 0) {}

Child::Child(os::ChildProcess process, os::Fd control, std::shared_ptr<ExitReports> reports,
             std::uint64_t ticket)
    : process_(std::move(process)),
      generation_(Runtime::generation()),
      reports_(std::move(reports)),
      ticket_(ticket),
      control_(std::move(control)) {}

Child::~Child() {
  if (generation_ != Runtime::generation()) {
    // A fork's copy: these numbers may name other descriptors by now.
    static_cast<void>(process_.sentinel.release());
    static_cast<void>(control_.release());
    return;
  }
  exit_status(base::Deadline::now());
  if (reports_) reports_->forget(ticket_);
}

bool Child::has_ended() const noexcept { return wait(base::Deadline::now()); }

bool Child::wait(base::Deadline deadline) const noexcept {
  const base::Result<bool> ended = os::wait_readable(sentinel(), deadline);
  return ended && *ended;
}

std::optional<os::ExitStatus> Child::exit_status(base::Deadline deadline) {
  if (!wait(deadline)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (!is_claimed_) status_ = claim();
  is_claimed_ = true;
  return status_;
}

std::optional<os::ExitStatus> Child::claim() {
  std::optional<os::ExitStatus> status = reports_ ? reports_->claim(ticket_) : os::reap(sentinel());
  return status ? status : os::recall_exit(sentinel());
}

base::Result<void> Child::signal(int signal) noexcept {
  return os::send_signal(sentinel(), signal);
}

void Child::end(Duration grace) {
  // A failing signal means that it has ended already; the wait tells.
  static_cast<void>(signal(SIGTERM));
  if (!wait(base::Deadline::in(grace))) static_cast<void>(signal(SIGKILL));
  exit_status();
}

os::Fd Child::take_control() noexcept {
  const std::lock_guard lock(mutex_);
  return std::exchange(control_, os::Fd());
}

}  // namespace shoal::process
