// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "process/boot.hpp"
#include "process/child.hpp"
#include "process/exit_reports.hpp"
#include "process/preload.hpp"
#include "process/server_main.hpp"
#include "process/server_protocol.hpp"
#include "process/source.hpp"

namespace shoal::process {

/// The owner's side of a fork server. It goes with its last holder, and each Child from it is one.
/// Safe from many threads; does nothing in a fork's copy.
class ForkServer : public std::enable_shared_from_this<ForkServer> {
 public:
  /// Starts a server by `origin`, and waits until it has run `preload`, if there is one.
  /// @throws StartError
  static std::shared_ptr<ForkServer> open(Source& origin, ServerKind kind,
                                          Preload preload = nullptr);

  ~ForkServer();
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  /// Has the server fork a child and gives that `boot`. Fails with ESRCH if the server is dead, or
  /// with fork's error. @throws StartError  no socket can be made for `attempt`
  base::Result<std::shared_ptr<Child>> start(const BootMessage& boot, const std::string& attempt);

  bool is_dead() const noexcept { return server_->has_ended(); }

 private:
  ForkServer(std::shared_ptr<Child> server, os::Fd reports) noexcept;

  base::Result<std::shared_ptr<Child>> fork_child(const os::Fd& child_end, os::Fd control);
  base::Result<void> send_request(std::uint64_t ticket, const os::Fd& child_end);
  base::Result<os::ChildProcess> receive_reply(std::uint64_t ticket);
  base::Failure dead_server();

  const std::shared_ptr<Child> server_;
  const std::uint32_t generation_;
  ExitReports reports_;
  std::mutex mutex_;  // one request at a time
  os::Fd requests_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace shoal::process
