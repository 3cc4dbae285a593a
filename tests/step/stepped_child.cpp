// SPDX-License-Identifier: Apache-2.0
#include "step/stepped_child.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace shoal::test {
namespace {

// A trap by which the child says that `act` begins or has ended. A single step is a trap, too; the
// kernel tells them apart.
void mark() {
#if defined(__x86_64__)
  asm volatile("int3" ::: "memory");
#endif
}

[[noreturn]] void run_child(const std::function<void()>& act) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
  mark();
  act();
  mark();
  ::_exit(0);
}

bool is_at_mark(pid_t child) {
  siginfo_t info{};
  return ::ptrace(PTRACE_GETSIGINFO, child, nullptr, &info) == 0 && info.si_code == SI_KERNEL;
}

// Waits for the child's next stop; false if it has ended instead.
bool is_stopped(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
  if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP) {
    throw std::runtime_error("stopped by signal " + std::to_string(WSTOPSIG(status)));
  }
  return WIFSTOPPED(status);
}

}  // namespace

bool can_step() {
#if defined(__x86_64__)
  const pid_t child = ::fork();
  if (child == 0) run_child([] {});
  if (!is_stopped(child)) return false;
  ::kill(child, SIGKILL);
  return !is_stopped(child);
#else
  return false;
#endif
}

int step_and_kill(const std::function<void()>& act, int instructions) {
  const pid_t child = ::fork();
  if (child == 0) run_child(act);
  if (!is_stopped(child) || !is_at_mark(child))
    throw std::runtime_error("the child cannot be traced");
  int executed = 0;
  for (; executed < instructions; ++executed) {
    ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr);
    if (!is_stopped(child)) throw std::runtime_error("the child ended by itself");
    if (is_at_mark(child)) break;
  }
  ::kill(child, SIGKILL);
  if (is_stopped(child)) throw std::runtime_error("the child survived SIGKILL");
  return executed;
}

}  // namespace shoal::test
