// SPDX-License-Identifier: Apache-2.0
#include "process/process_state.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"
#include "process/confinement.hpp"
#include "process/runtime.hpp"
#include "process/source.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr std::chrono::seconds kTerminateGrace{1};
constexpr int kUnknownExitcode = 255;

void check_options(const ProcessOptions& options) {
  process::check_text(options.name, "ProcessOptions::name");
  process::check_confinement({options.limits, options.sandbox}, "ProcessOptions");
  for (const auto& [name, value] : options.environment) {
    const std::string path = "ProcessOptions::environment[\"" + name + "\"]";
    process::check_text(name, "ProcessOptions::environment");
    process::check_text(value, path);
    if (name.empty() || name.find('=') != std::string::npos) {
      throw std::invalid_argument(path + ": a variable's name is not empty and holds no '='");
    }
  }
}

}  // namespace

void process::check_text(const std::string& text, const std::string& path) {
  if (text.find('\0') == std::string::npos) return;
  throw std::invalid_argument(path + " must not contain a NUL byte");
}

namespace internal {

ProcessState::ProcessState(ProcessOptions options, std::unique_ptr<process::Work> work)
    : generation_(process::Runtime::generation()),
      options_(std::move(options)),
      identity_(process::Runtime::instance().next_identity()),
      is_daemon_(options_.daemon.value_or(process::Runtime::instance().role().is_daemon)),
      name_(options_.name.empty() ? "Process-" + identity_ : options_.name),
      work_(std::move(work)) {
  check_options(options_);
}

void ProcessState::start() {
  check("start");
  if (child_) throw std::logic_error("Process::start: " + describe() + " was started before");
  process::require_may_start();
  child_ = work_->start(*this);
  work_.reset();
  process::Runtime::instance().enroll({child_, name_, is_daemon_});
}

bool ProcessState::join(base::Deadline deadline) {
  process::Child& joined = child("join");
  if (!joined.wait(deadline)) return false;
  joined.exit_status();
  process::Runtime::instance().dismiss(joined);
  return true;
}

bool ProcessState::is_alive() {
  check("is_alive");
  if (!child_) return false;
  if (!child_->has_ended()) return true;
  child_->exit_status();
  return false;
}

std::optional<int> ProcessState::exitcode() {
  check("exitcode");
  if (!child_ || !child_->has_ended()) return std::nullopt;
  const std::optional<os::ExitStatus> status = child_->exit_status();
  return status ? status->exitcode() : kUnknownExitcode;
}

void ProcessState::signal(int number, const char* call) {
  const base::Result<void> sent = child(call).signal(number);
  if (sent || sent.error().error == ESRCH) return;
  throw Error(std::error_code(sent.error().error, std::generic_category()),
              std::string("Process::") + call + ": " + sent.error().to_string());
}

void ProcessState::close() {
  if (is_closed_) return;
  check("close");
  if (child_ && !child_->has_ended()) {
    throw std::logic_error("Process::close: " + describe() +
                           " still runs; join() it, or terminate() and join() it, first");
  }
  abandon();
  is_closed_ = true;
}

void ProcessState::abandon() noexcept {
  try {
    work_.reset();
    if (!child_) return;
    process::Runtime::instance().dismiss(*child_);
    if (!child_->has_ended()) child_->end(kTerminateGrace);
    child_->exit_status();
    child_.reset();
  } catch (const std::exception& error) {
    base::log(LogLevel::error, std::string("a process could not be ended: ") + error.what());
  }
}

void ProcessState::set_name(std::string name) {
  check("set_name");
  process::check_text(name, "Process::set_name: the name");
  name_ = std::move(name);
  if (child_) process::Runtime::instance().rename(*child_, name_);
}

process::Child& ProcessState::child(const char* call) const {
  check(call);
  if (child_) return *child_;
  throw std::logic_error(std::string("Process::") + call + ": " + describe() + " was not started");
}

void ProcessState::check(const char* call) const {
  if (is_foreign()) {
    throw std::logic_error(std::string("Process::") + call + ": " + describe() +
                           " belongs to the process that made it, which is not this one");
  }
  if (is_closed_) {
    throw ClosedError(std::string("Process::") + call + ": " + describe() + " was closed");
  }
}

bool ProcessState::is_foreign() const noexcept {
  return generation_ != process::Runtime::generation();
}

std::string ProcessState::describe() const { return '"' + name_ + '"'; }

}  // namespace internal
}  // namespace shoal
