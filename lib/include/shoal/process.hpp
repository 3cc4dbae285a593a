// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/function.hpp"
#include "shoal/limits.hpp"
#include "shoal/process_ref.hpp"
#include "shoal/sandbox.hpp"
#include "shoal/writer.hpp"

namespace shoal {

namespace internal {
class ProcessState;

/// A call with its arguments, ready to travel.
struct EncodedCall {
  template <class F, class... Args>
  static EncodedCall of(F&& fn, Args&&... args) {
    EncodedCall call;
    call.target = encode_call(call.arguments, std::forward<F>(fn), std::forward<Args>(args)...);
    return call;
  }

  CallTarget target = {};
  Writer arguments = {};
};
}  // namespace internal

/// How a Process is started and what it is called.
struct ProcessOptions {
  /// Shown in ps (its first 15 bytes), logs and traces. Default: "Process-1", a child's
  /// "Process-1:1".
  std::string name = {};
  /// Terminated at the parent's exit instead of joined, and may start no children itself.
  /// Default: as the process that makes it.
  std::optional<bool> daemon = {};
  /// The start method. Default: get_start_method() at start().
  Context context = {};
  /// What it may use, from just before its function runs.
  Limits limits = {};
  /// What it is kept from, from then on. A foreign program cannot be Sandbox::strict.
  Sandbox sandbox = Sandbox::none;
  /// Variables set in the child, over those it inherits.
  std::map<std::string, std::string> environment = {};
  /// Lets `fork` go ahead while the host runs threads of its own. They are not in the child, and a
  /// lock one of them held stays locked there for ever.
  bool fork_with_threads = false;
};

/// A function running in a process of its own.
///
/// Its arguments are encoded when the Process is made and decoded in the child. The child ends by
/// _exit after flushing stdio and logs, with 0 once the function returned (its result is dropped),
/// N after exit(N), 1 after an uncaught exception, whose trace goes to its stderr. It is killed if
/// the parent dies. A child of `fork` keeps the caller's descriptors; others get standard output
/// and error, /dev/null as standard input, and what their arguments bring along.
///
/// To be used by one thread at a time. In another process (a fork's copy) every member throws
/// std::logic_error, and the destructor does nothing. After close() every member but close() throws
/// ClosedError; after having been moved from, std::logic_error.
/// Destroying or overwriting a running Process sends SIGTERM, after 1 s SIGKILL, and reaps it.
/// Source: Python multiprocessing.Process.
class Process {
 public:
  /// Prepares a process that will call `fn(args...)`; nothing runs before start().
  /// @throws CodecError             an argument cannot be encoded
  /// @throws std::invalid_argument  a wrong option, named by its path
  template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, Process> &&
           !std::same_as<std::remove_cvref_t<F>, ProcessOptions>) explicit Process(F&& fn,
                                                                                   Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(fn), std::forward<Args>(args)...) {}
  template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, internal::EncodedCall>) explicit Process(
      ProcessOptions options, F&& fn, Args&&... args)
      : Process(std::move(options),
                internal::EncodedCall::of(std::forward<F>(fn), std::forward<Args>(args)...)) {}

  /// Prepares a foreign program: `path` as execvp(3) finds it, called with `arguments` (its own
  /// name not among them). It inherits standard input, output and error and no other descriptor,
  /// and is killed if the parent dies. It is always executed afresh: ProcessOptions::context and
  /// ::fork_with_threads make no difference.
  /// Limits hold for it from its first instruction; that of memory counts all that it has.
  /// @throws std::invalid_argument  a wrong option, an empty path, or a NUL byte in an argument
  static Process program(const std::filesystem::path& path, std::vector<std::string> arguments = {},
                         ProcessOptions options = {});

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// Starts the child and returns without waiting for the function to run.
  /// @throws StartError        it cannot be started: naming the call and the reason; no
  /// bootstrap();
  ///                           this process is daemonic; `fork` while other threads run; no such
  ///                           program
  /// @throws std::logic_error  it was started before
  void start();

  /// Waits for the end; any number of times. false: it still runs after `timeout`.
  /// @throws std::logic_error  it was not started
  bool join(Duration timeout = forever);

  /// True from start() until the child has ended.
  bool is_alive() const;

  /// The child's process id, also after it has ended. @throws std::logic_error  it was not started
  int pid() const;

  std::string name() const;
  /// Renames it for active_children() and, before start(), for the child.
  /// @throws std::invalid_argument  a NUL byte in the name
  void set_name(std::string name);
  bool daemon() const;

  /// How it ended: N for exit(N), -S for signal S, 1 for an uncaught exception; none while it runs
  /// or before start(). 255 where the system no longer knows: the host reaped it (on kernels before
  /// 6.15), or its fork server died.
  std::optional<int> exitcode() const;

  /// Send SIGINT, SIGTERM, SIGKILL, by pidfd: never to a reused pid. No effect once it has ended.
  /// @throws std::logic_error  it was not started
  void interrupt();
  void terminate();
  void kill();

  /// A descriptor that poll(2) finds readable once the process has ended; valid until this object
  /// is closed or destroyed. @throws std::logic_error  it was not started
  int sentinel() const;

  /// Gives up what the parent keeps of an ended process. No effect the second time.
  /// @throws std::logic_error  it still runs
  void close();

 private:
  explicit Process(std::unique_ptr<internal::ProcessState> state) noexcept;
  Process(ProcessOptions options, internal::EncodedCall call);
  internal::ProcessState& state() const;

  std::unique_ptr<internal::ProcessState> state_;
};

template <class F, class... Args>
requires(!std::same_as<std::remove_cvref_t<F>, ProcessOptions>) Process Context::process(
    F&& fn, Args&&... args)
const { return process(ProcessOptions{}, std::forward<F>(fn), std::forward<Args>(args)...); }

template <class F, class... Args>
Process Context::process(ProcessOptions options, F&& fn, Args&&... args) const {
  options.context = *this;
  return Process(std::move(options), std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace shoal
