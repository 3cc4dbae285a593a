// SPDX-License-Identifier: Apache-2.0
#include "shoal/process_ref.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#include "base/deadline.hpp"
#include "os/child.hpp"
#include "os/event.hpp"
#include "process/child.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace internal {

/// What a ProcessRef refers to: a pidfd, and the child it belongs to if it is one of ours.
class ProcessRefState {
 public:
  ProcessRefState(std::string name, int pid, bool is_daemon, std::shared_ptr<const os::Fd> sentinel)
      : name_(std::move(name)), pid_(pid), is_daemon_(is_daemon), sentinel_(std::move(sentinel)) {}
  explicit ProcessRefState(const process::Enrolled& one)
      : name_(one.name), pid_(one.child->pid()), is_daemon_(one.is_daemon), child_(one.child) {}

  const std::string& name() const noexcept { return name_; }
  int pid() const noexcept { return pid_; }
  bool is_daemon() const noexcept { return is_daemon_; }
  int sentinel() const noexcept { return child_ ? child_->sentinel() : sentinel_->get(); }

  bool join(base::Deadline deadline) const {
    if (pid_ == os::process_id()) {
      throw std::logic_error("ProcessRef::join: a process cannot wait for its own end");
    }
    const base::Result<bool> ended = os::wait_readable(sentinel(), deadline);
    if (!ended || !*ended) return false;
    if (child_) {
      child_->exit_status();
      process::Runtime::instance().dismiss(*child_);
    }
    return true;
  }

  void signal(int number, const char* call) const {
    const base::Result<void> sent = os::send_signal(sentinel(), number);
    if (sent || sent.error().error == ESRCH) return;
    throw Error(std::error_code(sent.error().error, std::generic_category()),
                std::string("ProcessRef::") + call + ": " + sent.error().to_string());
  }

 private:
  const std::string name_;
  const int pid_;
  const bool is_daemon_;
  const std::shared_ptr<const os::Fd> sentinel_;
  const std::shared_ptr<process::Child> child_;
};

}  // namespace internal

ProcessRef::ProcessRef(std::shared_ptr<const internal::ProcessRefState> state) noexcept
    : state_(std::move(state)) {}

std::string ProcessRef::name() const { return state_->name(); }
int ProcessRef::pid() const { return state_->pid(); }
bool ProcessRef::daemon() const { return state_->is_daemon(); }
bool ProcessRef::is_alive() const { return !os::has_ended(state_->sentinel()); }
int ProcessRef::sentinel() const { return state_->sentinel(); }

bool ProcessRef::join(Duration timeout) const { return state_->join(base::Deadline::in(timeout)); }

void ProcessRef::interrupt() const { state_->signal(SIGINT, "interrupt"); }
void ProcessRef::terminate() const { state_->signal(SIGTERM, "terminate"); }
void ProcessRef::kill() const { state_->signal(SIGKILL, "kill"); }

ProcessRef current_process() {
  process::Runtime& runtime = process::Runtime::instance();
  return ProcessRef(std::make_shared<const internal::ProcessRefState>(
      runtime.role().name, os::process_id(), runtime.role().is_daemon, runtime.own_sentinel()));
}

std::optional<ProcessRef> parent_process() {
  const process::Role& role = process::Runtime::instance().role();
  if (role.parent_pid == 0) return std::nullopt;
  // A daemonic process starts no children: a parent is none.
  return ProcessRef(std::make_shared<const internal::ProcessRefState>(
      role.parent_name, role.parent_pid, false, role.parent_sentinel));
}

std::vector<ProcessRef> active_children() {
  std::vector<ProcessRef> result;
  for (const process::Enrolled& one : process::Runtime::instance().active_children()) {
    result.emplace_back(std::make_shared<const internal::ProcessRefState>(one));
  }
  return result;
}

}  // namespace shoal
