// SPDX-License-Identifier: Apache-2.0
#include "process/exit_reports.hpp"

#include "os/event.hpp"
#include "os/socket.hpp"
#include "process/child.hpp"
#include "process/runtime.hpp"
#include "process/server_protocol.hpp"

namespace shoal::process {

ExitReports::ExitReports(os::Fd socket, std::shared_ptr<Child> server) noexcept
    : server_(std::move(server)), socket_(std::move(socket)), generation_(Runtime::generation()) {}

ExitReports::~ExitReports() {
  if (generation_ != Runtime::generation()) static_cast<void>(socket_.release());
}

void ExitReports::expect(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  expected_.try_emplace(ticket);
}

void ExitReports::forget(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  drain();  // or else the reports of children nobody asks about would fill the socket
  expected_.erase(ticket);
}

// The lock is held while waiting: a second caller's report may be among those that are drained
// here.
std::optional<os::ExitStatus> ExitReports::claim(std::uint64_t ticket, base::Deadline deadline) {
  const std::lock_guard lock(mutex_);
  const auto entry = expected_.find(ticket);
  if (entry == expected_.end()) return std::nullopt;
  for (;;) {
    drain();
    if (entry->second) return entry->second;
    if (is_over_) {
      // No zombie is left, although nobody may start from it again.
      if (server_ != nullptr) server_->exit_status(deadline);
      return std::nullopt;
    }
    const base::Result<bool> more = os::wait_readable(socket_.get(), deadline);
    if (!more || !*more) return std::nullopt;
  }
}

void ExitReports::drain() {
  ExitReport report;
  while (!is_over_) {
    const base::Result<os::Message> message =
        os::receive_message(socket_.get(), writable_bytes_of(report), os::Wait::no);
    if (!message && message.error().error == EAGAIN) return;
    if (!message || message->size != sizeof(ExitReport)) {
      is_over_ = true;  // the server is gone, or no server
      return;
    }
    const auto entry = expected_.find(report.ticket);
    if (entry == expected_.end()) continue;
    entry->second = os::decode_wait_status(report.status);
    entry->second->usage = report.usage;
  }
}

}  // namespace shoal::process
