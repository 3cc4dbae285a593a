// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/deadline.hpp"
#include "os/fd.hpp"
#include "os/sentinel.hpp"

namespace shoal::process {

class Child;

/// Receives one fork server's exit reports. Only children that are expected are remembered.
/// Safe from many threads.
class ExitReports {
 public:
  /// `server` is who sends them, if it is a child of ours: it is reaped once its end is seen here.
  ExitReports(os::Fd socket, std::shared_ptr<Child> server) noexcept;
  /// Leaves the descriptor alone in a fork's copy.
  ~ExitReports();
  ExitReports(const ExitReports&) = delete;
  ExitReports& operator=(const ExitReports&) = delete;

  void expect(std::uint64_t ticket);
  void forget(std::uint64_t ticket);

  /// How the child of `ticket`, which has ended, came to its end. The server's report is waited for
  /// until `deadline`, and no longer than the server lives.
  std::optional<os::ExitStatus> claim(std::uint64_t ticket, base::Deadline deadline);

 private:
  void drain();

  const std::shared_ptr<Child> server_;
  std::mutex mutex_;
  os::Fd socket_;
  const std::uint32_t generation_;
  bool is_over_ = false;                                             // guarded by mutex_
  std::map<std::uint64_t, std::optional<os::ExitStatus>> expected_;  // guarded by mutex_
};

}  // namespace shoal::process
