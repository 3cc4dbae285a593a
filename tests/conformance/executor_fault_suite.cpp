// SPDX-License-Identifier: Apache-2.0
// Faults of tasks and workers that no other suite has: tests/README.md, "Faults".

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorFaultSuite : public ExecutorSuite {};

int square(int n) { return n * n; }
int own_pid() { return ::getpid(); }
void say_pid_and_compute(const Connection& line) {
  line.send(::getpid());
  for (volatile unsigned counter = 0;;) counter = counter + 1;
}

// Waits until what `is_true` asks for has come about; ctest's watchdog bounds it.
template <class F>
void await(F is_true) {
  while (!is_true()) ::usleep(1000);
}

TEST_P(ExecutorFaultSuite, ASignalFromOutsideLosesTheRunningTaskAndNamesItself) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [here, there] = pipe();
  for (const int signal : {SIGKILL, SIGABRT, SIGTERM, SIGXCPU, SIGSYS}) {
    for (int round = 0; round < 10; ++round) {
      Future<void> running = pool.submit(say_pid_and_compute, there);
      const int pid = here.recv<int>();
      ::kill(pid, signal);
      try {
        running.get();
        FAIL() << "signal " << signal << " did not end the worker";
      } catch (const WorkerLostError& lost) {
        EXPECT_EQ(lost.signal(), signal);
        EXPECT_EQ(lost.pid(), pid);
      }
      EXPECT_EQ(pool.submit(square, round).get(), round * round);
    }
  }
}

// Sent by somebody else, what a processor reports is a plain signal.
TEST_P(ExecutorFaultSuite, AFaultThatWasOnlySentLosesTheRunningTask) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [here, there] = pipe();
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    for (int round = 0; round < 10; ++round) {
      Future<void> running = pool.submit(say_pid_and_compute, there);
      ::kill(here.recv<int>(), signal);
      try {
        running.get();
        FAIL() << "signal " << signal << " did not end the worker";
      } catch (const WorkerLostError& lost) {
        if (!kIsSanitized) {  // their handlers exit
          EXPECT_EQ(lost.signal(), signal);
        }
      }
      EXPECT_EQ(pool.submit(square, round).get(), round * round);
    }
  }
  EXPECT_EQ(pool.stats().lost, 40U);
}

TEST_P(ExecutorFaultSuite, AnInterruptOfTheWholeGroupIsTheParentsBusiness) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [here, there] = pipe();
  const auto tell_and_wait = [](const Connection& line) {
    line.send(::getpid());
    line.recv<int>();
  };
  Future<void> first = pool.submit(tell_and_wait, there);
  Future<void> second = pool.submit(tell_and_wait, there);
  const std::array workers{here.recv<int>(), here.recv<int>()};
  for (const int worker : workers) ::kill(worker, SIGINT);  // busy
  here.send(1);
  here.send(1);
  first.get();
  second.get();
  for (int n = 0; n < 100; ++n) {
    for (const int worker : workers) ::kill(worker, SIGINT);  // idle, or between two tasks
    EXPECT_EQ(pool.submit(square, n).get(), n * n);
  }
  EXPECT_EQ(pool.stats().restarted, 0U);
}

TEST_P(ExecutorFaultSuite, AResultOutlivesTheWorkerThatWroteIt) {
  for (const std::size_t size : {10U, 1'000U, 30'000U, 16'000'000U}) {
    ProcessPoolExecutor pool = make_pool(1);
    const int worker = pool.submit(own_pid).get();
    Future<std::string> result =
        pool.submit([](std::size_t length) { return std::string(length, 'r'); }, size);
    result.wait();
    ::kill(worker, SIGKILL);
    await([&] { return pool.stats().restarted > 0; });
    EXPECT_EQ(pool.submit(square, 3).get(), 9);
    EXPECT_EQ(result.get(), std::string(size, 'r'));
  }
}

TEST_P(ExecutorFaultSuite, AnInitializerThatCrashesBreaksThePoolInsteadOfAStorm) {
  ProcessPoolExecutor pool{{.max_workers = 2,
                            .context = get_context(GetParam()),
                            .initializer = bind([] { ::kill(::getpid(), SIGKILL); }),
                            .restart = {.restarts = 5, .within = 1h}}};
  EXPECT_THROW(pool.submit(own_pid).get(), BrokenPoolError);
  EXPECT_LE(pool.stats().restarted, 8U);
}

TEST_P(ExecutorFaultSuite, ATaskThatDeadlocksIsEndedByItsTimeOut) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto lock_and_wait_for_the_lock = [] {
    std::mutex mutex;
    const std::scoped_lock held(mutex);
    std::thread([&mutex] { mutex.lock(); }).join();
  };
  EXPECT_THROW(pool.submit({.timeout = 50ms}, lock_and_wait_for_the_lock).get(), TaskTimeoutError);
  EXPECT_EQ(pool.submit(square, 6).get(), 36);
}

TEST_P(ExecutorFaultSuite, AStoppedTaskIsEndedByItsTimeOut) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit({.timeout = 50ms}, [] { ::raise(SIGSTOP); }).get(), TaskTimeoutError);
  EXPECT_EQ(pool.submit(square, 6).get(), 36);
}

// What a task does to its process lasts as long as that worker, and touches nobody else.
struct Settings {
  std::string folder;
  unsigned mask;
  std::string variable;
  std::uint64_t core_size;

  friend bool operator==(const Settings&, const Settings&) = default;
};

Settings settings() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  const char* const variable = std::getenv("SHOAL_FAULT_TEST");
  return {std::filesystem::current_path().string(), mask, variable != nullptr ? variable : "",
          core.rlim_cur};
}

Settings change_settings() {
  std::filesystem::current_path("/proc");
  ::umask(0123);
  ::setenv("SHOAL_FAULT_TEST", "changed", 1);
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  core.rlim_cur = core.rlim_max == 0 ? 0 : 1;
  ::setrlimit(RLIMIT_CORE, &core);
  return settings();
}

TEST_P(ExecutorFaultSuite, WhatATaskChangesInItsProcessLastsAsLongAsThatWorker) {
  ProcessPoolExecutor pool = make_pool(1);
  const Settings host = settings();
  const Settings before = pool.submit(settings).get();
  const int worker = pool.submit(own_pid).get();
  const Settings changed = pool.submit(change_settings).get();
  EXPECT_EQ(changed.folder, "/proc");
  EXPECT_TRUE(pool.submit(settings).get() == changed);
  EXPECT_TRUE(settings() == host);
  ::kill(worker, SIGKILL);
  await([&] { return pool.stats().restarted > 0; });
  EXPECT_TRUE(pool.submit(settings).get() == before);
}

std::atomic<std::uint64_t> scribbled{0};

TEST_P(ExecutorFaultSuite, AThreadThatATaskLeavesHarmsNoLaterTask) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.submit([] {
        std::thread([] {
          std::vector<std::uint64_t> words(1000);
          for (std::size_t i = 0;; ++i) words[i % words.size()] = ++scribbled;
        }).detach();
      })
      .get();
  const int worker = pool.submit(own_pid).get();
  for (int n = 0; n < 2000; ++n) EXPECT_EQ(pool.submit(square, n).get(), n * n);
  EXPECT_GT(pool.submit([] { return scribbled.load(); }).get(), 0U);
  EXPECT_EQ(pool.submit(own_pid).get(), worker);
  pool.resize(2);
  pool.resize(1);
  EXPECT_EQ(pool.submit(square, 7).get(), 49);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorFaultSuite);

}  // namespace shoal::test
