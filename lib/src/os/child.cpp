// SPDX-License-Identifier: Apache-2.0
#include "os/child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/scope_exit.hpp"
#include "os/after_fork.hpp"
#include "os/sentinel.hpp"

// glibc's clone(3) by its other name: ThreadSanitizer intercepts the usual one, takes a child that
// shares our memory for a fork, and then no longer sees this thread's locks.
extern "C" int __clone(int (*body)(void*), void* stack, int flags, void* argument, ...);

namespace shoal::os {
namespace {

constexpr std::size_t kStackBytes = 64 << 10;
constexpr int kPassedFd = 3;

// Shared with the child, which borrows the caller's memory until its exec.
struct Errand {
  const Launch* launch;
  char* const* arguments;
  char* const* environment;
  sigset_t old_mask;
  int parent;
  int error;
  const char* call;
};

[[noreturn]] void fail(Errand& errand, const char* call) noexcept {
  errand.error = errno;
  errand.call = call;
  after_fork::exit_now(127);
}

void confine(Errand& errand) noexcept {
  for (const Bound& bound : errand.launch->bounds) {
    if (!after_fork::set_bound(bound)) fail(errand, "setrlimit");
  }
  if (errand.launch->gives_up_privileges && !after_fork::give_up_privileges()) {
    fail(errand, "prctl");
  }
}

// Puts the passed descriptor at 3 and closes all others from there up.
void arrange_descriptors(Errand& errand) noexcept {
  const int passed = errand.launch->passed_fd;
  int executable = errand.launch->executable;
  // The executable's descriptor is needed until the exec, which closes it: keep it off number 3.
  if (executable >= 0 && executable <= kPassedFd) {
    executable = ::fcntl(executable, F_DUPFD_CLOEXEC, kPassedFd + 1);
    if (executable < 0) fail(errand, "fcntl");
  }
  std::array<int, 2> keep{kPassedFd, executable};
  if (passed >= 0) {
    if (passed == kPassedFd ? ::fcntl(passed, F_SETFD, 0) != 0 : ::dup2(passed, kPassedFd) < 0) {
      fail(errand, "dup2");
    }
    after_fork::close_all_but(std::span(keep).first(executable < 0 ? 1 : 2));
  } else {
    after_fork::close_all_but(std::span(keep).subspan(1, executable < 0 ? 0 : 1));
  }
  if (errand.launch->detach_stdin) after_fork::detach_stdin();
  confine(errand);
  if (executable >= 0) {
    ::syscall(SYS_execveat, executable, "", errand.arguments, errand.environment, AT_EMPTY_PATH);
    fail(errand, "execveat");
  }
}

int child_main(void* argument) noexcept {
  Errand& errand = *static_cast<Errand*>(argument);
  const int death_signal = errand.launch->death_signal;
  if (death_signal != 0 && !after_fork::follow_parent(errand.parent, death_signal)) {
    after_fork::exit_now(127);
  }
  after_fork::reset_signals();
  arrange_descriptors(errand);
  ::execve(errand.launch->path.c_str(), errand.arguments, errand.environment);
  fail(errand, "execve");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// CLONE_VM | CLONE_VFORK: the caller sleeps until the child has exec'd or ended, so that the child
// may use its memory, on a stack of its own. Signals stay blocked: a handler must not run there.
Result<ChildProcess> clone_and_exec(Errand& errand, char* stack) noexcept {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &errand.old_mask);
  int sentinel = -1;
  const int pid = ::__clone(child_main, stack + kStackBytes,
                            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &errand, &sentinel);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &errand.old_mask, nullptr);
  if (pid < 0) return failure(error, "clone", "\"%s\"", errand.launch->path.c_str());
  ChildProcess child{pid, above_streams(sentinel)};
  if (errand.error != 0) {
    ::syscall(SYS_waitid, 3 /* P_PIDFD */, sentinel, nullptr, 4 /* WEXITED */, nullptr);
    return failure(errand.error, errand.call, "\"%s\"", errand.launch->path.c_str());
  }
  return child;
}

}  // namespace

Result<ChildProcess> launch(const Launch& launch) try {
  const std::vector<char*> arguments = pointers(launch.arguments);
  const std::vector<char*> environment = pointers(launch.environment);
  void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return failure(errno, "mmap", "%zu bytes of stack", kStackBytes);
  const base::ScopeExit unmap([&] { ::munmap(stack, kStackBytes); });
  Errand errand{&launch, arguments.data(), environment.data(), {}, process_id(), 0, ""};
  return clone_and_exec(errand, static_cast<char*>(stack));
} catch (const std::bad_alloc&) {
  return failure(ENOMEM, "malloc", "\"%s\"", launch.path.c_str());
}

Result<ChildProcess> fork_process() noexcept {
  const int pid = ::fork();
  if (pid < 0) return failure(errno, "fork");
  if (pid == 0) return ChildProcess{0, Fd()};
  Result<Fd> sentinel = open_sentinel(pid);
  if (!sentinel) {
    // Without its descriptor nobody could wait for it: it goes before it has begun.
    ::kill(pid, SIGKILL);
    retry_interrupted([&] { return ::waitpid(pid, nullptr, 0); });
    return sentinel.error();
  }
  return ChildProcess{pid, std::move(*sentinel)};
}

std::vector<std::string> environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    result.emplace_back(*entry);
  }
  return result;
}

void set_environment(const std::string& name, const std::string& value) {
  ::setenv(name.c_str(), value.c_str(), 1);
}

void call_first_at_exit(void (*handler)(int status)) noexcept {
  // on_exit(3) runs handlers in the reverse order of their registration and passes the status.
  ::on_exit([](int status, void* address) { reinterpret_cast<void (*)(int)>(address)(status); },
            reinterpret_cast<void*>(handler));
}

int process_id() noexcept { return ::getpid(); }
int parent_process_id() noexcept { return ::getppid(); }
int thread_id() noexcept { return ::gettid(); }

Result<void> adopt_orphans() noexcept {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return failure(errno, "prctl", "SUBREAPER");
  return {};
}

std::vector<int> list_children() {
  std::vector<int> result;
  const std::string path = "/proc/self/task/" + std::to_string(thread_id()) + "/children";
  const Result<std::string> text = read_text(path.c_str());
  if (!text) return result;
  const char* at = text->c_str();
  for (;;) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) return result;
    result.push_back(static_cast<int>(pid));
    at = end;
  }
}

void kill_child(int pid) noexcept { ::kill(pid, SIGKILL); }

void name_thread(const char* name) noexcept { ::prctl(PR_SET_NAME, name); }

bool end_with_parent(int parent) noexcept {
  int signal = 0;
  if (::prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGKILL) return true;
  return after_fork::follow_parent(parent, SIGKILL);
}

void ignore_interrupt() noexcept {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // not SIG_IGN, which programs started from here would inherit
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

void raise_memory_killer_score(int score) noexcept {
  const Result<Fd> file = open_file("/proc/self/oom_score_adj", O_WRONLY);
  if (!file) return;  // a hint only
  const std::string text = std::to_string(score);
  (void)static_cast<bool>(write_all(file->get(), std::as_bytes(std::span(text))));
}

}  // namespace shoal::os
