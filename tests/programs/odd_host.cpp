// SPDX-License-Identifier: Apache-2.0
// odd_host <oddity> <method>: a host that is not what libraries hope for, with a pool that it puts
// through its paces. Prints "worked"; or "refused: …", if it gets an Error; or what went wrong.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ranges>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "programs/method_argument.hpp"

namespace {

using shoal::Context;
using shoal::ProcessPoolExecutor;

void check(bool is_true, const char* what) {
  if (!is_true) throw std::runtime_error(what);
}

// --- what pools are for --------------------------------------------------------------------------

int square(int n) { return n * n; }
int fail(int n) { throw std::out_of_range(std::to_string(n)); }
void die() { ::kill(::getpid(), SIGKILL); }
int own_pid() { return ::getpid(); }
void wait_for_ever() {
  for (;;) ::pause();
}
std::string repeat(const std::string& text) { return text + text; }
long forward(const shoal::Connection& from, const shoal::Connection& to) {
  long sum = 0;
  for (int n = from.recv<int>(); n != 0; n = from.recv<int>()) {
    sum += n;
    to.send(n);
  }
  return sum;
}

template <class E, class F>
void check_throws(F call, const char* what) {
  try {
    call();
  } catch (const E&) {
    return;
  }
  throw std::runtime_error(what);
}

void run_tasks(ProcessPoolExecutor& pool, int tasks) {
  std::vector<shoal::Future<int>> futures;
  for (int n = 0; n < tasks; ++n) futures.push_back(pool.submit(square, n));
  for (int n = 0; n < tasks; ++n) {
    check(futures[static_cast<std::size_t>(n)].get() == n * n, "a task");
  }
  int next = 0;
  for (const int n : pool.map(square, std::views::iota(0, tasks))) {
    check(n == next * next, "an element");
    ++next;
  }
  check(next == tasks, "a map");
}

void run_large_tasks(ProcessPoolExecutor& pool) {
  for (const std::size_t size : {10U, 1'000U, 30'000U, 3'000'000U}) {
    const std::string text(size, 'x');
    check(pool.submit(repeat, text).get() == text + text, "a large value");
  }
}

void run_pipes(ProcessPoolExecutor& pool, int messages) {
  auto [to_task, task_reads] = shoal::pipe();
  auto [from_task, task_writes] = shoal::pipe();
  shoal::Future<long> sum = pool.submit(forward, task_reads, task_writes);
  for (int n = 1; n <= messages; ++n) {
    to_task.send(n);
    check(from_task.recv<int>() == n, "a message");
  }
  to_task.send(0);
  check(sum.get() == static_cast<long>(messages) * (messages + 1) / 2, "a sum of messages");
}

void run_failures(ProcessPoolExecutor& pool) {
  check_throws<std::out_of_range>([&] { pool.submit(fail, 3).get(); }, "an exception");
  check_throws<shoal::WorkerLostError>([&] { pool.submit(die).get(); }, "a death");
  check_throws<shoal::TimeoutError>(
      [&] { pool.submit({.timeout = std::chrono::milliseconds(20)}, wait_for_ever).get(); },
      "a time-out");
  check(pool.submit(square, 5).get() == 25, "a task after a death");
}

void run_everything(ProcessPoolExecutor& pool, int tasks) {
  run_tasks(pool, tasks);
  run_large_tasks(pool);
  run_pipes(pool, tasks);
  run_failures(pool);
}

// --- oddities ------------------------------------------------------------------------------------

void ignore_children(const Context&) { ::signal(SIGCHLD, SIG_IGN); }

void start_reaping(const Context&) {
  std::thread([] {
    for (;;) {
      if (::waitpid(-1, nullptr, 0) < 0) ::usleep(100);  // none just now
    }
  }).detach();
}

void start_busy_threads(const Context&) {
  for (int i = 0; i < 64; ++i) {
    std::thread([] {
      ::setpriority(PRIO_PROCESS, 0, 19);  // of this thread: busy, but not at everybody's cost
      for (;;) std::free(std::malloc(100));
    }).detach();
  }
}

void limit_descriptors(const Context&) {
  const rlimit few{64, 64};
  check(::setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
}

// Allows this user $ODD_LIMIT processes and threads; of root, who may do all, another is made
// first.
void limit_processes(const Context&) {
  const uid_t nobody_else = 61'000 + static_cast<uid_t>(::getpid() % 1000);
  if (::geteuid() == 0) {
    check(::setresuid(nobody_else, nobody_else, nobody_else) == 0, "setresuid");
  }
  rlimit processes{};
  ::getrlimit(RLIMIT_NPROC, &processes);
  processes.rlim_cur = static_cast<rlim_t>(std::atoi(std::getenv("ODD_LIMIT")));
  check(::setrlimit(RLIMIT_NPROC, &processes) == 0, "setrlimit");
}

// Handlers that nobody who starts a child by other means than fork ever meets.
void forbid_forks(const Context&) {
  ::pthread_atfork([] { std::abort(); }, nullptr, [] { std::abort(); });
}

using Actions = std::array<struct sigaction, NSIG>;

Actions signal_actions() {
  Actions actions{};
  for (int signal = 1; signal < NSIG; ++signal) {
    ::sigaction(signal, nullptr, &actions[static_cast<std::size_t>(signal)]);
  }
  return actions;
}

bool are_blocked(bool wanted) {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (const int signal : {SIGTERM, SIGUSR1, SIGALRM, SIGPIPE, SIGCHLD}) {
    if ((::sigismember(&blocked, signal) == 1) != wanted) return false;
  }
  return true;
}

// What a task may rely upon, whatever its host ignores or blocks.
bool has_default_signals() {
  const Actions actions = signal_actions();
  for (const int signal : {SIGTERM, SIGUSR1, SIGALRM, SIGHUP, SIGQUIT, SIGCHLD}) {
    if (actions[static_cast<std::size_t>(signal)].sa_handler != SIG_DFL) return false;
  }
  return are_blocked(false);
}

void ignore_and_block_all_signals(const Context&) {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

void be_deaf(const Context& context) {
  ignore_and_block_all_signals(context);
  const Actions before = signal_actions();
  {
    ProcessPoolExecutor pool = context.executor(2);
    check(pool.submit(has_default_signals).get(), "a worker ignores or blocks what its host does");
    run_everything(pool, 20);
  }
  const Actions after = signal_actions();
  for (std::size_t signal = 1; signal < NSIG; ++signal) {
    check(before[signal].sa_handler == after[signal].sa_handler, "a disposition was changed");
  }
  check(are_blocked(true), "the mask was changed");
}

volatile sig_atomic_t alarms = 0;

void count_alarm(int) { alarms = alarms + 1; }

// Ten thousand times a second; no call that is interrupted goes on by itself.
void start_alarms() {
  struct sigaction action {};
  action.sa_handler = count_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  const itimerval period{{0, 100}, {0, 100}};
  check(::setitimer(ITIMER_REAL, &period, nullptr) == 0, "setitimer");
}
void stop_alarms() {
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
}
int count_alarms() { return alarms; }

void be_interrupted(const Context& context) {
  start_alarms();
  ProcessPoolExecutor pool{
      {.max_workers = 2, .context = context, .initializer = shoal::bind(start_alarms)}};
  run_everything(pool, 2000);
  check(pool.submit([] {
              while (count_alarms() == 0) continue;
              return count_alarms();
            }).get() > 0,
        "alarms in a worker");
  pool.shutdown();
  stop_alarms();
  check(count_alarms() > 0, "alarms");
}

// The kernel tells a child of the death of the thread that made it.
void make_the_pool_in_a_thread_that_ends(const Context& context) {
  std::optional<ProcessPoolExecutor> pool;
  std::vector<shoal::Future<int>> futures;
  std::exception_ptr error;
  std::thread([&] {
    try {
      pool.emplace(context.executor(2));
      for (int n = 0; n < 2; ++n) futures.push_back(pool->submit(own_pid));
      for (shoal::Future<int>& future : futures) future.get();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
  run_tasks(*pool, 100);
  check(pool->stats().restarted == 0, "a worker went with a thread");
}

// Stops, as the whole of a machine may, until somebody lets it go on: after these time-outs.
void stand_still(const Context& context) {
  ProcessPoolExecutor pool = context.executor(2);
  run_tasks(pool, 20);
  std::vector<shoal::Future<int>> futures;
  for (int n = 0; n < 20; ++n) {
    futures.push_back(pool.submit({.timeout = std::chrono::milliseconds(300)}, square, n));
  }
  ::raise(SIGSTOP);
  for (int n = 0; n < 20; ++n) {
    check(futures[static_cast<std::size_t>(n)].get() == n * n, "a task");
  }
  check(pool.stats().restarted == 0, "a worker was taken for a slow one");
  run_everything(pool, 20);
}

// --- machines that lack something ----------------------------------------------------------------

// Gives this process file systems of its own to change; ends it if that is not allowed.
void leave_the_others_files_alone() {
  if (::unshare(CLONE_NEWNS) == 0 &&
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
    return;
  }
  std::puts("not allowed");
  std::exit(0);
}

void fill_the_folder_of_shared_memory(const Context&) {
  leave_the_others_files_alone();
  check(::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k") == 0, "mount");
  std::ofstream file("/dev/shm/full");
  while (file << std::string(4096, 'x') << std::flush) continue;
  try {
    shoal::SharedMemory::create(1, "full");
    check(false, "memory with a name was to be had");
  } catch (const shoal::ResourceError& error) {
    check(std::string_view(error.what()).find("1 bytes in /dev/shm") != std::string_view::npos,
          error.what());
  }
  const auto files = std::filesystem::directory_iterator("/dev/shm");
  check(std::distance(begin(files), end(files)) == 1, "something is left in the folder");
  check(shoal::SharedMemory::create(1 << 20).span().size() == 1 << 20, "memory without a name");
}

void hide_proc(const Context&) {
  leave_the_others_files_alone();
  check(::umount2("/proc", MNT_DETACH) == 0, "umount2");
}

// Has the kernel refuse the system call $ODD_CALL with the error $ODD_ERROR, here and in workers.
void deny_a_call(const Context&) {
  const auto number = static_cast<unsigned>(std::atoi(std::getenv("ODD_CALL")));
  const auto error = static_cast<unsigned>(std::atoi(std::getenv("ODD_ERROR")));
  std::array<sock_filter, 4> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  check(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

// Another library stands before libc, here and in each worker that executes a program.
void find_the_preloaded_library(const Context& context) {
  const auto is_mapped = [] {
    std::ifstream maps("/proc/self/maps");
    const std::string name = std::getenv("ODD_LIBRARY");
    for (std::string line; std::getline(maps, line);) {
      if (line.find(name) != line.npos) return true;
    }
    return false;
  };
  check(context.executor(1).submit(is_mapped).get(), "the library is not in the worker");
}

void fork_with_busy_threads(const Context& context) {
  start_busy_threads(context);
  shoal::Process child({.context = context, .fork_with_threads = true}, [] { std::exit(3); });
  child.start();
  child.join();
  check(child.exitcode() == 3, "the exit code");
}

struct Oddity {
  std::string_view name;
  void (*begin)(const Context&);
  enum { before, instead, with_threads } when;
};

constexpr std::array kOddities{
    Oddity{"ignoring", ignore_children, Oddity::before},
    Oddity{"reaping", start_reaping, Oddity::with_threads},
    Oddity{"busy", start_busy_threads, Oddity::before},
    Oddity{"busy_fork", fork_with_busy_threads, Oddity::instead},
    Oddity{"few_descriptors", limit_descriptors, Oddity::before},
    Oddity{"few_processes", limit_processes, Oddity::before},
    Oddity{"forbids_forks", forbid_forks, Oddity::before},
    Oddity{"deaf", be_deaf, Oddity::instead},
    Oddity{"interrupted", be_interrupted, Oddity::instead},
    Oddity{"short_threads", make_the_pool_in_a_thread_that_ends, Oddity::instead},
    Oddity{"standing_still", stand_still, Oddity::instead},
    Oddity{"full_shm", fill_the_folder_of_shared_memory, Oddity::before},
    Oddity{"no_proc", hide_proc, Oddity::before},
    Oddity{"denied_call", deny_a_call, Oddity::before},
    Oddity{"preloaded", find_the_preloaded_library, Oddity::before},
};

// A fork of a host with threads is refused; where the oddity is one, it begins once the pool is
// there.
void be_odd(const Oddity& oddity, shoal::StartMethod method) {
  const Context context = shoal::get_context(method);
  const bool begins_late =
      oddity.when == Oddity::with_threads && method == shoal::StartMethod::fork;
  if (!begins_late) oddity.begin(context);
  if (oddity.when == Oddity::instead) return;
  ProcessPoolExecutor pool = context.executor(2);
  if (begins_late) oddity.begin(context);
  run_everything(pool, oddity.begin == start_busy_threads ? 20 : 100);
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  for (const Oddity& oddity : kOddities) {
    if (oddity.name != argv[1]) continue;
    try {
      be_odd(oddity, shoal::test::method_argument(argc, argv));
      std::puts("worked");
    } catch (const shoal::Error& error) {
      std::printf("refused: %s\n", error.what());
    } catch (const std::exception& error) {
      std::printf("wrong: %s\n", error.what());
    }
    return 0;
  }
  return 2;
}
