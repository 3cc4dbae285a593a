// SPDX-License-Identifier: Apache-2.0
// What becomes of the names of shared memory whose owner dies, at whatever moment.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <list>
#include <random>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/process_pool_executor.hpp>
#include <shoal/queue.hpp>
#include <shoal/shared_memory.hpp>
#include <shoal/unique_fd.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "conformance/own_shm.hpp"
#include "conformance/parties.hpp"
#include "os/byte_lock.hpp"

namespace shoal::test {
namespace {

std::string name_of_test(const char* rest) { return std::to_string(::getpid()) + '.' + rest; }

// Says that a party has done its work, and waits to be killed.
[[noreturn]] void stay(const Event& is_done) {
  is_done.set();
  for (;;) ::pause();
}

// Whoever is told of a death looks after what was left; in the end nothing is.
void await_removal(const std::string& name) {
  while (is_there(name)) std::this_thread::yield();
}

class SharedMemoryDeathSuite : public ProcessPartySuite {
 protected:
  // Has a party `act`, which must stay, and kills it; gives what this process logs about that.
  template <class F, class... Args>
  std::string log_of_death(F act, const Args&... args) {
    const Event is_done;
    Party party = start(act, is_done, args...);
    is_done.wait();
    testing::internal::CaptureStderr();
    party.process().kill();
    party.process().join();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_P(SharedMemoryDeathSuite, TheNameOfAKilledOwnerDisappears_149) {
  const std::string name = name_of_test("killed");
  const std::string log = log_of_death(
      [](const Event& done, const std::string& called) {
        const SharedMemory made = SharedMemory::create(100, called);
        stay(done);
      },
      name);
  EXPECT_FALSE(is_there(name));
  EXPECT_EQ(code_of([&] { SharedMemory::attach(name); }), std::errc::no_such_file_or_directory);
  if (!has_own_shm) GTEST_SKIP() << "no mount namespace: another test may have removed it first";
  EXPECT_NE(log.find("1 leaked shared memory segment(s) of dead processes removed"), log.npos)
      << log;
}

TEST_P(SharedMemoryDeathSuite, OnlyWhatIsStillThereIsReported_150) {
  const std::string name = name_of_test("first"), other = name_of_test("second");
  const std::string log = log_of_death(
      [](const Event& done, const std::string& called, const std::string& unlinked) {
        SharedMemory::create(100, called);
        SharedMemory::create(100, unlinked).unlink();
        stay(done);
      },
      name, other);
  EXPECT_FALSE(is_there(name));
  if (!has_own_shm) GTEST_SKIP() << "no mount namespace: another test may have removed it first";
  EXPECT_NE(log.find("1 leaked shared memory segment(s)"), log.npos) << log;
}

TEST_P(SharedMemoryDeathSuite, WhoHasItMappedKeepsIt) {
  const std::string name = name_of_test("kept");
  const Queue<SharedMemory> queue;
  log_of_death(
      [](const Event& done, const std::string& called, const Queue<SharedMemory>& out) {
        const SharedMemory made = SharedMemory::create(100, called);
        made.span()[0] = std::byte{42};
        out.put(made);
        stay(done);
      },
      name, queue);
  const SharedMemory memory = queue.get();
  EXPECT_FALSE(is_there(name));
  EXPECT_EQ(memory.span()[0], std::byte{42});
  const SharedMemory successor = SharedMemory::create(100, name);
  EXPECT_EQ(successor.span()[0], std::byte{});
  EXPECT_EQ(code_of([&] { memory.unlink(); }), std::errc::no_such_file_or_directory);
  successor.unlink();
}

TEST_P(SharedMemoryDeathSuite, AnOwnerThatEndsRemovesItsName) {
  const std::string name = name_of_test("ended");
  Party owner = start([](const std::string& called) { SharedMemory::create(100, called); }, name);
  EXPECT_TRUE(owner.join());
  EXPECT_FALSE(is_there(name));
}

TEST_P(SharedMemoryDeathSuite, AForkedChildOfTheOwnerOwnsNothing) {
  const std::string name = name_of_test("forked");
  const Queue<int> children;
  log_of_death(
      [](const Event& done, const std::string& called, const Queue<int>& out) {
        SharedMemory::create(100, called);
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe");
        const pid_t child = ::fork();
        if (child == 0) ::close(ends[0]), ::close(ends[1]);
        while (child == 0) ::pause();
        ::close(ends[1]);
        char nothing = 0;
        if (::read(ends[0], &nothing, 1) != 0) throw std::runtime_error("read");  // it runs
        out.put(child);
        stay(done);
      },
      name, children);
  const int child = children.get();
  EXPECT_EQ(::kill(child, 0), 0);
  EXPECT_FALSE(is_there(name));
  ::kill(child, SIGKILL);
}

TEST_P(SharedMemoryDeathSuite, WhatAKilledWorkerLeavesIsRemoved) {
  const std::string name = name_of_test("worker");
  ProcessPoolExecutor pool({.max_workers = 1, .context = get_context(GetParam().method())});
  const auto create_and_die = [](const std::string& called) {
    SharedMemory::create(100, called);
    ::raise(SIGKILL);
  };
  EXPECT_THROW(pool.submit(create_and_die, name).get(), WorkerLostError);
  await_removal(name);
}

// Creates and unlinks one name as fast as it can, beside others that do so, too, and are killed.
void struggle(const std::string& name, const Event& is_over) {
  while (!is_over.is_set()) {
    try {
      const SharedMemory mine = SharedMemory::create(100, name);
      mine.span()[0] = std::byte{1};
      const SharedMemory same = SharedMemory::attach(name);
      if (same.span().data() != mine.span().data()) throw std::logic_error("two have the name");
      mine.unlink();
    } catch (const Error& error) {
      if (error.code() == std::errc::file_exists) continue;
      throw std::logic_error(error.what());
    }
  }
}

TEST_P(SharedMemoryDeathSuite, OneAtATimeOwnsANameWhoeverIsKilled) {
  constexpr unsigned kParties = 3, kKills = 12;
  const std::string name = name_of_test("struggle");
  const Event is_over;
  std::mt19937 dice(7);
  std::list<Party> parties;
  for (unsigned i = 0; i < kParties; ++i) parties.push_back(start(struggle, name, is_over));
  for (unsigned i = 0; i < kKills; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(dice() % 20'000));
    const auto party = std::next(parties.begin(), static_cast<std::ptrdiff_t>(dice() % kParties));
    party->process().kill();
    party->process().join();
    EXPECT_EQ(party->process().exitcode(), -SIGKILL) << "it failed before";
    parties.erase(party);
    parties.push_back(start(struggle, name, is_over));
  }
  is_over.set();
  for (Party& party : parties) EXPECT_TRUE(party.join());
  do {
    SharedMemory::create(1, name).unlink();
  } while (has_unfinished());
  EXPECT_FALSE(is_there(name));
}

SHOAL_FOR_EACH_PROCESS_HOME(SharedMemoryDeathSuite);

// A child that runs `act` up to its n-th stop at a system call, before it or behind it.
class Stopped {
 public:
  Stopped(unsigned stop, void (*act)(const std::string&), const std::string& name)
      : child_(::fork()) {
    if (child_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      act(name);
      ::_exit(0);
    }
    wait();
    for (unsigned i = 0; i < stop && !has_ended(); ++i) {
      ::ptrace(PTRACE_SYSCALL, child_, nullptr, nullptr);
      wait();
    }
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() {
    if (has_ended()) return;
    ::kill(child_, SIGKILL);
    wait();
  }

  // True if it came to its end before.
  bool has_ended() const { return !WIFSTOPPED(status_); }
  void go_on() {
    ::ptrace(PTRACE_CONT, child_, nullptr, nullptr);
    wait();
  }

 private:
  void wait() { ::waitpid(child_, &status_, 0); }

  pid_t child_;
  int status_ = 0;
};

bool may_trace() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

void create_and_unlink(const std::string& name) { SharedMemory::create(100, name).unlink(); }

TEST(SharedMemoryKillTest, ADeathAtAnySystemCallLeavesTheNameFree) {
  if (!may_trace()) GTEST_SKIP() << "this process may not trace its children";
  const std::string name = name_of_test("stopped");
  unsigned stops = 0;
  for (bool is_over = false; !is_over; ++stops) {
    is_over = Stopped(stops, create_and_unlink, name).has_ended();
    ASSERT_NO_THROW(create_and_unlink(name)) << "killed at stop " << stops;
    EXPECT_FALSE(is_there(name)) << stops;
    while (has_unfinished()) create_and_unlink(name);  // not every time it is looked for
  }
  EXPECT_GT(stops, 20U);
}

void leave_behind(const std::string& name) {
  const pid_t child = ::fork();
  if (child == 0) {
    SharedMemory::create(100, name);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

void look_for(const std::string& name) {
  try {
    SharedMemory::attach(name);
  } catch (const Error&) {
    // what was there is gone
  }
}

// Somebody stands still while he takes a dead owner's name away.
bool is_about_to_remove(const std::string& name) {
  constexpr std::size_t kRemoved = 1;
  const UniqueFd file(::open(path_of(name).c_str(), O_RDWR | O_CLOEXEC));
  return file && *os::is_byte_locked(file.get(), kRemoved);
}

TEST(SharedMemoryKillTest, WhoRemovesADeadOwnersNameSparesItsSuccessor) {
  if (!may_trace()) GTEST_SKIP() << "this process may not trace its children";
  const std::string name = name_of_test("successor");
  unsigned successors = 0;
  for (unsigned stop = 0;; ++stop) {
    leave_behind(name);
    Stopped remover(stop, look_for, name);
    if (remover.has_ended()) break;
    if (is_about_to_remove(name)) continue;
    const SharedMemory mine = SharedMemory::create(100, name);
    remover.go_on();
    ASSERT_TRUE(is_there(name)) << "stopped at " << stop;
    mine.unlink();
    ++successors;
  }
  EXPECT_GT(successors, 20U);
}

}  // namespace
}  // namespace shoal::test
