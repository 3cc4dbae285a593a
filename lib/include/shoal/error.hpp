// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "shoal/duration.hpp"

namespace shoal {

/// Why shoal itself failed, where no error number of the operating system says it.
enum class errc {
  failed = 1,
  start_failed,
  remote_exception,
  worker_lost,
  timed_out,
  task_timed_out,
  cancelled,
  broken_pool,
  pool_closed,
  closed,
  end_of_stream,
  authentication_failed,
  owner_died,
  broken_barrier,
  bad_message,
  manager_died,
  resource_exhausted,
};

/// Gives the category of `errc`, named "shoal".
const std::error_category& error_category() noexcept;

/// Lets an errc stand where a std::error_code is wanted.
std::error_code make_error_code(errc value) noexcept;

}  // namespace shoal

template <>
struct std::is_error_code_enum<shoal::errc> : std::true_type {};

namespace shoal {

/// The root of everything shoal throws, wrong arguments (std::invalid_argument) excepted.
/// `code()` is the operating system's error number or an errc; `what()` is one sentence that names
/// the call, the option or the pid, and what to do. Copies share their text.
class Error : public std::system_error {
 public:
  explicit Error(std::string_view what) : Error(errc::failed, what) {}
  Error(std::error_code code, std::string_view what);

  /// Gives the message as it was written, the reason included once.
  const char* what() const noexcept override;

 private:
  std::shared_ptr<const std::string> what_;
};

/// A process could not be started.
class StartError : public Error {
 public:
  using Error::Error;
  explicit StartError(std::string_view what) : Error(errc::start_failed, what) {}
};

/// A task threw something that is neither a standard exception nor one of shoal's.
class RemoteError : public Error {
 public:
  RemoteError(std::string_view type_name, std::string_view what, std::string_view trace);

  /// Gives the name of the type that was thrown over there.
  const std::string& type_name() const noexcept;
  /// Says task, worker, pid and the exceptions nested in this one, a line each.
  const std::string& trace() const noexcept;

 private:
  struct Origin;
  std::shared_ptr<const Origin> origin_;
};

/// What a process has used in its life, as the kernel counted it.
struct ResourceUsage {
  Duration user_time = {};    ///< on the CPU, in the program itself
  Duration system_time = {};  ///< on the CPU, in the kernel on its behalf
  /// The most memory it had resident. One that was spawned counts from what its parent had then.
  std::size_t max_rss_bytes = 0;
};

/// What is known about a worker that died: its death certificate.
struct WorkerLoss {
  int pid = 0;
  std::optional<int> signal = {};       ///< the signal that ended it
  std::optional<int> exit_status = {};  ///< the status it exited with
  std::string task_name = {};
  /// The kernel's memory killer is suspected: SIGKILL came from nobody we know, and the killer has
  /// struck in this process's control group since the worker's start.
  bool out_of_memory = false;
  /// Of a crash, where it could be had: a line a frame, "#0 f(int) (program+0x1234)".
  std::string backtrace = {};
  unsigned attempt = 0;                           ///< which attempt at the task this was; 1: the first
  std::optional<ResourceUsage> usage = {};        ///< none where nobody could tell
  std::string message = {};                       ///< the last words of std::terminate or assert
  std::vector<std::string> last_log_lines = {};   ///< of the worker: up to 20, the newest last
};

/// The worker died while it ran the task. Nothing else was lost.
class WorkerLostError : public Error {
 public:
  WorkerLostError(std::string_view what, WorkerLoss loss);

  int pid() const noexcept { return loss_->pid; }
  /// The signal that ended the worker, if one did.
  std::optional<int> signal() const noexcept { return loss_->signal; }
  /// The status the worker exited with, if it did.
  std::optional<int> exit_status() const noexcept { return loss_->exit_status; }
  const std::string& task_name() const noexcept { return loss_->task_name; }
  /// True if the kernel's out-of-memory killer is suspected.
  bool out_of_memory() const noexcept { return loss_->out_of_memory; }
  /// The crash's frames, empty if they could not be had.
  const std::string& backtrace() const noexcept { return loss_->backtrace; }
  /// Which attempt at the task this was, from 1.
  unsigned attempt() const noexcept { return loss_->attempt; }
  /// What the worker had used, if anybody could tell.
  const std::optional<ResourceUsage>& usage() const noexcept { return loss_->usage; }
  /// What std::terminate or assert had to say; empty otherwise.
  const std::string& message() const noexcept { return loss_->message; }
  /// The worker's last log records as "[warning] text", the newest last.
  const std::vector<std::string>& last_log_lines() const noexcept { return loss_->last_log_lines; }

  const WorkerLoss& loss() const noexcept { return *loss_; }

 private:
  std::shared_ptr<const WorkerLoss> loss_;
};

/// The time to wait is over; what was waited for goes on.
class TimeoutError : public Error {
 public:
  using Error::Error;
  explicit TimeoutError(std::string_view what) : Error(errc::timed_out, what) {}
};

/// The task ran longer than it may and was stopped.
class TaskTimeoutError : public TimeoutError {
 public:
  using TimeoutError::TimeoutError;
  explicit TaskTimeoutError(std::string_view what) : TimeoutError(errc::task_timed_out, what) {}
};

/// The task was cancelled.
class CancelledError : public Error {
 public:
  using Error::Error;
  explicit CancelledError(std::string_view what) : Error(errc::cancelled, what) {}
};

/// The pool cannot run tasks any more: its initializer threw, or its workers die at once.
class BrokenPoolError : public Error {
 public:
  using Error::Error;
  explicit BrokenPoolError(std::string_view what) : Error(errc::broken_pool, what) {}
};

/// The pool was shut down and takes no more tasks.
class PoolClosedError : public Error {
 public:
  using Error::Error;
  explicit PoolClosedError(std::string_view what) : Error(errc::pool_closed, what) {}
};

/// The handle was closed, here or by the last one at the other end.
class ClosedError : public Error {
 public:
  using Error::Error;
  explicit ClosedError(std::string_view what) : Error(errc::closed, what) {}
};

/// The other end is gone and everything it sent was received.
class EndOfStreamError : public ClosedError {
 public:
  using ClosedError::ClosedError;
  explicit EndOfStreamError(std::string_view what) : ClosedError(errc::end_of_stream, what) {}
};

/// The other side does not know the key.
class AuthenticationError : public Error {
 public:
  using Error::Error;
  explicit AuthenticationError(std::string_view what) : Error(errc::authentication_failed, what) {}
};

/// The process that held the lock died; call recover().
class OwnerDiedError : public Error {
 public:
  using Error::Error;
  explicit OwnerDiedError(std::string_view what) : Error(errc::owner_died, what) {}
};

/// The barrier was aborted, reset, or lost a party while somebody waited.
class BrokenBarrierError : public Error {
 public:
  using Error::Error;
  explicit BrokenBarrierError(std::string_view what) : Error(errc::broken_barrier, what) {}
};

/// Bytes do not mean what they should, or a value cannot be written.
class CodecError : public Error {
 public:
  using Error::Error;
  explicit CodecError(std::string_view what) : Error(errc::bad_message, what) {}
};

/// The manager's server is gone.
class ManagerDiedError : public Error {
 public:
  using Error::Error;
  explicit ManagerDiedError(std::string_view what) : Error(errc::manager_died, what) {}
};

/// Memory, descriptors, processes or room in a queue ran out.
class ResourceError : public Error {
 public:
  using Error::Error;
  explicit ResourceError(std::string_view what) : Error(errc::resource_exhausted, what) {}
};

}  // namespace shoal
