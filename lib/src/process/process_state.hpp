// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "process/child.hpp"
#include "shoal/process.hpp"

namespace shoal::process {

/// What a Process runs: a function or a foreign program.
class Work {
 public:
  virtual ~Work() = default;
  /// Starts it; may be called again after it threw.
  virtual std::shared_ptr<Child> start(const internal::ProcessState& process) = 0;
};

/// Throws std::invalid_argument naming `path` if `text` holds a NUL byte.
void check_text(const std::string& text, const std::string& path);

}  // namespace shoal::process

namespace shoal::internal {

/// The life of a Process: made, started, closed.
class ProcessState {
 public:
  /// @throws std::invalid_argument  a wrong option
  ProcessState(ProcessOptions options, std::unique_ptr<process::Work> work);

  void start();
  bool join(base::Deadline deadline);
  bool is_alive();
  std::optional<int> exitcode();
  void signal(int number, const char* call);
  void close();
  /// Ends the child if it runs and lets go of it; for the destructor.
  void abandon() noexcept;

  void set_name(std::string name);
  const std::string& name() const noexcept { return name_; }
  const std::string& identity() const noexcept { return identity_; }
  bool is_daemon() const noexcept { return is_daemon_; }
  const ProcessOptions& options() const noexcept { return options_; }

  /// The child; @throws std::logic_error  "Process::<call>: … was not started"
  process::Child& child(const char* call) const;
  /// @throws std::logic_error  it belongs to another process   @throws ClosedError  it was closed
  void check(const char* call) const;
  /// True in a fork's copy of the process that made it.
  bool is_foreign() const noexcept;

 private:
  std::string describe() const;

  const std::uint32_t generation_;
  const ProcessOptions options_;
  const std::string identity_;
  const bool is_daemon_;
  std::string name_;
  std::unique_ptr<process::Work> work_;
  std::shared_ptr<process::Child> child_;
  bool is_closed_ = false;
};

}  // namespace shoal::internal
