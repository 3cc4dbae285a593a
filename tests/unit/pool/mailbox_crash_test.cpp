// SPDX-License-Identifier: Apache-2.0
// A worker is killed before each of its steps in shared memory in turn. Whatever the step, each
// task must be found in exactly one state, and in the right one.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "pool/mailbox.hpp"

namespace shoal::pool {
namespace {

int steps_left = 0;  // in the child: it dies before the step that makes this zero

void step() {
  if (--steps_left == 0) ::kill(::getpid(), SIGKILL);
}

// The machine, but each operation on a shared word is a place to die at.
struct CrashingMachine {
  template <class T>
  class Atomic {
   public:
    T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
      step();
      return value_.load(order);
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
      step();
      value_.store(value, order);
    }
    T fetch_add(T value, std::memory_order order) noexcept {
      step();
      return value_.fetch_add(value, order);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
      step();
      return value_.compare_exchange_strong(expected, desired, success, failure);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) noexcept {
      step();
      return value_.compare_exchange_strong(expected, desired, success, failure);
    }

   private:
    std::atomic<T> value_;
  };

  static void write(void* to, const void* from, std::size_t bytes) noexcept {
    step();
    std::memcpy(to, from, bytes);
  }
  static void read(void* to, const void* from, std::size_t bytes) noexcept {
    step();
    std::memcpy(to, from, bytes);
  }
  static void fence() noexcept {
    step();
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  static void wait(const Atomic<std::uint32_t>&, std::uint32_t, base::Deadline) noexcept {
    ::_exit(0);  // it would sleep: all is done
  }
};

constexpr std::size_t kTasks = 3;

struct Shared {
  Submissions<CrashingMachine> submissions;
  Completions<CrashingMachine> completions;
  Gate<CrashingMachine> gate;
  // What the tasks themselves did.
  std::array<bool, kTasks + 1> has_begun;
  std::array<bool, kTasks + 1> has_ended;
};

class MailboxCrashTest : public testing::Test {
 protected:
  MailboxCrashTest()
      : shared(*new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared()) {}
  ~MailboxCrashTest() override { ::munmap(&shared, sizeof shared); }

  // Runs every task in a child that dies before its `steps`-th step; false if it came to its end.
  bool run_and_die(int steps) {
    const pid_t child = ::fork();
    if (child == 0) {
      steps_left = steps;
      WorkerMailbox<CrashingMachine> worker(shared.submissions, shared.completions, shared.gate);
      for (Entry entry;;) {
        if (!worker.take(entry, 1)) {
          worker.sleep();
          continue;
        }
        shared.has_begun[entry.ticket] = true;
        shared.has_ended[entry.ticket] = true;
        Completion completion{};
        completion.ticket = entry.ticket;
        worker.complete(completion);
      }
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
  }

  Shared& shared;
};

TEST_F(MailboxCrashTest, EveryTaskIsDoneOrLostOrUntouchedWhateverTheStep) {
  int points = 0;
  for (bool has_died = true; has_died; ++points) {
    new (&shared) Shared();
    ParentMailbox<CrashingMachine> parent(shared.submissions, shared.completions, shared.gate);
    for (std::uint64_t ticket = 1; ticket <= kTasks; ++ticket) {
      Entry entry{};
      entry.ticket = ticket;
      parent.write(entry);
    }
    ASSERT_EQ(parent.publish(), Honesty::honest);
    has_died = run_and_die(points + 1);

    std::uint64_t next = 1;
    for (Completion copy; next <= kTasks; ++next) {
      const auto [honesty, has_completion] = parent.peek(next, copy);
      ASSERT_EQ(honesty, Honesty::honest);
      if (!has_completion) break;
      EXPECT_TRUE(shared.has_ended[next]) << "done, but it never ran; point " << points;
      parent.release();
    }
    if (next <= kTasks && parent.taken() == next) {
      ++next;  // lost: whether it began or not, it will not run again
    }
    for (std::uint64_t untouched = next; untouched <= kTasks; ++untouched) {
      EXPECT_FALSE(shared.has_begun[untouched]) << "would run twice; point " << points;
    }
    EXPECT_EQ(parent.revoke_untaken().honesty, Honesty::honest);
    if (!has_died) {
      EXPECT_EQ(next, kTasks + 1);
    }
  }
  std::printf("%d crash points\n", points - 1);
  EXPECT_GT(points, 15);
}

}  // namespace
}  // namespace shoal::pool
