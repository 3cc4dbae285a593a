// SPDX-License-Identifier: Apache-2.0
#include "process/child.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "os/event.hpp"
#include "process/exit_reports.hpp"
#include "process/runtime.hpp"

namespace shoal::process {
namespace {

constexpr std::chrono::milliseconds kDebuggerPause{1};
// A fork server tells of an end as soon as it gets to run: only one that is stopped takes so long.
constexpr std::chrono::seconds kReportPatience{10};

// Set before main, and never again.
std::atomic<void (*)() noexcept> after_violent_end{nullptr};

}  // namespace

void call_after_violent_end(void (*hook)() noexcept) noexcept {
  after_violent_end.store(hook, std::memory_order_relaxed);
}

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
  std::unique_lock lock(mutex_);
  if (is_claimed_) return status_;
  while (!claim(deadline)) {
    // Its debugger is to hear of the end first, and nothing tells when it has.
    if (deadline.is_past()) return std::nullopt;
    std::this_thread::sleep_for(kDebuggerPause);
  }
  const std::optional<os::ExitStatus> status = status_;
  lock.unlock();
  const auto hook = after_violent_end.load(std::memory_order_relaxed);
  if (hook != nullptr && (!status || status->exitcode() != 0)) hook();
  return status;
}

// Asks whoever may know, once; false if it is too early.
bool Child::claim(base::Deadline deadline) {
  if (reports_) {
    status_ = reports_->claim(ticket_, std::min(deadline, base::Deadline::in(kReportPatience)));
    if (!status_ && deadline.is_past()) return false;
  } else if (const auto reaped = os::reap(sentinel())) {
    if (!*reaped) return false;
    status_ = **reaped;
  }
  if (!status_) status_ = os::recall_exit(sentinel());
  is_claimed_ = true;
  return true;
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
