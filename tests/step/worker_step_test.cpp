// SPDX-License-Identifier: Apache-2.0
// A pool's worker is killed after every single instruction between a task's last one and the wake
// of whoever waits for its result: from some instruction on the result is delivered, whether or not
// anybody was woken, and before it the task is lost; nobody waits for ever.

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "step/stepped_child.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

// Says where it runs, and traps once it is traced.
int trap(const Connection& connection) {
  connection.send(::getpid());
  connection.recv<int>();
#if defined(__x86_64__)
  asm volatile("int3" ::: "memory");
#endif
  return 42;
}

// A process that this one traces.
class Traced {
 public:
  explicit Traced(int pid) : pid_(pid) {
    if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) throw std::runtime_error("seize");
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  ~Traced() {
    ::kill(pid_, SIGKILL);
    await();
  }

  // True once its result counts: the first word of what it writes is cq_tail.
  bool has_published() const {
    std::ifstream maps("/proc/" + std::to_string(pid_) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("memfd:shoal-completions") == std::string::npos) continue;
      return ::ptrace(PTRACE_PEEKDATA, pid_, std::stoull(line, nullptr, 16), nullptr) != 0;
    }
    throw std::runtime_error("the worker has no mailbox");
  }

  // Waits for its next stop, or its end; false if it has ended.
  bool await() const {
    int status = 0;
    while (::waitpid(pid_, &status, __WALL) != pid_ && errno == EINTR) continue;
    return WIFSTOPPED(status);
  }
  void step() const {
    ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
    if (!await()) throw std::runtime_error("the worker ended by itself");
  }
  // True if its next instruction is a system call by which workers wake: futex, or a write to a
  // bell.
  bool is_about_to_wake() const {
#if defined(__x86_64__)
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
    constexpr long kSystemCall = 0x050f;
    const long code = ::ptrace(PTRACE_PEEKTEXT, pid_, registers.rip, nullptr) & 0xffff;
    return code == kSystemCall && (registers.rax == SYS_futex || registers.rax == SYS_write);
#else
    return false;
#endif
  }

 private:
  const int pid_;
};

// Whether a thread of this process sleeps.
bool is_asleep(int thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t behind_name = text.rfind(')');
  return behind_name != std::string::npos && text.compare(behind_name + 2, 1, "S") == 0;
}

// A thread that waits for a future, and sleeps over it.
class Sleeper {
 public:
  explicit Sleeper(const Future<int>& future)
      : thread_([this, future] {
          id_ = ::gettid();
          future.wait();
        }) {
    while (id_ == 0 || !is_asleep(id_)) std::this_thread::yield();
  }
  ~Sleeper() { thread_.join(); }

 private:
  std::atomic<int> id_{0};
  std::thread thread_;
};

class WorkerStepTest : public testing::TestWithParam<bool> {
 protected:
  static constexpr int kStride = 32;

  struct Death {
    int executed;        // instructions since the task's end
    bool has_published;  // its result
  };
  // Kills a worker that has gone so many instructions on from its task's end, or that is about to
  // wake somebody.
  Death kill_behind(int instructions) {
    auto [ours, theirs] = pipe();
    future_ = pool_.submit(trap, theirs);
    const int pid = ours.recv<int>();
    std::optional<Sleeper> sleeper;
    if (GetParam()) sleeper.emplace(*future_);
    const Traced worker(pid);
    ours.send(0);
    if (!worker.await()) throw std::runtime_error("the worker ended by itself");
    int executed = 0;
    for (; executed < instructions && !worker.is_about_to_wake(); ++executed) worker.step();
    return {executed, worker.has_published()};
  }
  // Has it given its value, now that its worker is dead?
  bool is_delivered() {
    try {
      EXPECT_EQ(future_->get(), 42);
      return true;
    } catch (const WorkerLostError&) {
      return false;
    }
  }

  ProcessPoolExecutor pool_{{.max_workers = 1,
                             .context = get_context(StartMethod::forkserver),
                             .spin = Duration::zero()}};
  std::optional<Future<int>> future_;
};

TEST_P(WorkerStepTest, AResultThatWasPublishedIsDeliveredWhoeverWasWoken) {
  if (kIsSanitized) GTEST_SKIP() << "most instructions would be the sanitizer's";
  if (!can_step()) GTEST_SKIP() << "this process may not step through its children";
  const Death last = kill_behind(kToTheEnd);
  EXPECT_TRUE(last.has_published);
  EXPECT_TRUE(is_delivered()) << "the worker was about to wake";
  int first = 0;
  for (; first < last.executed; first += kStride) {
    const Death death = kill_behind(first);
    EXPECT_EQ(is_delivered(), death.has_published) << "behind instruction " << death.executed;
    if (death.has_published) break;
  }
  int published = 0;
  const int begin = std::max(0, first - kStride);
  for (int at = begin; at <= last.executed && !HasFailure(); ++at) {
    const Death death = kill_behind(at);
    EXPECT_EQ(is_delivered(), death.has_published) << "behind instruction " << death.executed;
    published += death.has_published ? 1 : 0;
  }
  EXPECT_GT(published, 0) << "there is nothing between the result and the wake";
  std::printf("%d instructions from the task to the wake, %d of them behind the result\n",
              last.executed, published);
}

INSTANTIATE_TEST_SUITE_P(, WorkerStepTest, testing::Bool(), [](const auto& is_awaited) {
  return std::string(is_awaited.param ? "with_a_leader_asleep" : "with_nobody_waiting");
});

}  // namespace
}  // namespace shoal::test
