// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/limits.hpp"

namespace shoal::os {

/// A process just made, and the descriptor that stands for it.
struct ChildProcess {
  int pid = 0;
  Fd sentinel;
};

/// What a fresh program is started with.
struct Launch {
  int executable = -1;                   ///< descriptor of the program, or -1 to use `path`
  std::string path;                      ///< the program's path (shown in errors in either case)
  std::vector<std::string> arguments;    ///< argv, with the program's name first
  std::vector<std::string> environment;  ///< "NAME=value"
  int passed_fd = -1;                    ///< becomes descriptor 3 of the program; -1: none
  bool detach_stdin = false;             ///< /dev/null instead of the caller's standard input
  int death_signal = 0;              ///< sent to the child when the calling *thread* ends; 0: none
  std::vector<Bound> bounds = {};    ///< of the program and what it starts
  bool gives_up_privileges = false;  ///< PR_SET_NO_NEW_PRIVS
};

/// Starts a program without copying the caller: its cost does not grow with the caller's memory.
/// Returns once the program runs; an exec that fails is this call's failure. The child inherits
/// standard streams and `passed_fd` alone, default signal actions and an empty signal mask.
Result<ChildProcess> launch(const Launch& launch);

/// Copies the calling process as fork(2) does. `pid` is 0 in the child, which has no sentinel.
/// The child must not let the parent reap it before the parent opened the sentinel: it waits for a
/// message first.
Result<ChildProcess> fork_process() noexcept;

/// The caller's environment as "NAME=value".
std::vector<std::string> environment();

/// Sets one variable in the caller's environment (only in single-threaded children).
void set_environment(const std::string& name, const std::string& value);

/// Has `handler` called with the exit status when exit() begins in this process, before every
/// handler and static destructor that is registered by now.
void call_first_at_exit(void (*handler)(int status)) noexcept;

int process_id() noexcept;
int parent_process_id() noexcept;
int thread_id() noexcept;

/// Makes orphaned descendants children of this process.
Result<void> adopt_orphans() noexcept;

/// The children of this process (all threads), as the kernel lists them now.
std::vector<int> list_children();

/// Kills one child by pid: only for children of this process that it has not reaped.
void kill_child(int pid) noexcept;

/// Names the calling thread in /proc; cut after 15 bytes.
void name_thread(const char* name) noexcept;

/// Asks the kernel once more to kill this process with the one that made it, `parent`, where it has
/// forgotten that, as it does when a process changes its user. False: the parent is gone already.
bool end_with_parent(int parent) noexcept;

/// Lets SIGINT pass without effect: Ctrl-C reaches every process of a terminal, and the parent
/// decides for all. Programs that this process executes are interrupted as usual.
void ignore_interrupt() noexcept;

/// Sets how readily the kernel's memory killer takes this process (0 to 1000); only ever raised.
void raise_memory_killer_score(int score) noexcept;

}  // namespace shoal::os
