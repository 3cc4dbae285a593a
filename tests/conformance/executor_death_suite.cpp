// SPDX-License-Identifier: Apache-2.0
// What a worker that dies takes along: its own task.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorDeathSuite : public ExecutorSuite {};

int square(int n) { return n * n; }
int own_pid() { return ::getpid(); }
int raise_signal(int signal) {
  ::signal(signal, SIG_DFL);  // sanitizers handle some themselves
  ::raise(signal);
  return signal;
}

// Waits until what `is_true` asks for has come about; ctest's watchdog bounds it.
template <class F>
void await(F is_true) {
  while (!is_true()) ::usleep(1000);
}

bool is_stopped(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  return line.find(") T ") != std::string::npos;
}

TEST_P(ExecutorDeathSuite, ASignalLosesTheTaskAndNamesItself) {
  ProcessPoolExecutor pool = make_pool(2);
  for (const int signal : {SIGKILL, SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGTERM}) {
    try {
      pool.submit(raise_signal, signal).get();
      FAIL() << "signal " << signal << " did not end the worker";
    } catch (const WorkerLostError& lost) {
      EXPECT_EQ(lost.signal(), signal);
      EXPECT_EQ(lost.exit_status(), std::nullopt);
      EXPECT_GT(lost.pid(), 0);
      EXPECT_FALSE(lost.task_name().empty());
      EXPECT_NE(std::string(lost.what()).find(std::to_string(lost.pid())), std::string::npos);
    }
  }
  EXPECT_EQ(pool.submit(square, 9).get(), 81);
  EXPECT_EQ(pool.stats().lost, 7U);
}

TEST_P(ExecutorDeathSuite, AnExitLosesTheTaskAndNamesItsStatus) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto status_of = [&](Future<void> future) {
    try {
      future.get();
    } catch (const WorkerLostError& lost) {
      return lost.exit_status();
    }
    return std::optional<int>();
  };
  EXPECT_EQ(status_of(pool.submit([] { std::exit(42); })), 42);
  EXPECT_EQ(status_of(pool.submit([] { ::_exit(0); })), 0);
  EXPECT_EQ(status_of(pool.submit([] { std::quick_exit(3); })), 3);
}

TEST_P(ExecutorDeathSuite, EveryOtherTaskRuns) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<int>> futures;
  for (int n = 0; n < 100; ++n) {
    futures.push_back(n % 10 == 3 ? pool.submit(raise_signal, SIGKILL) : pool.submit(square, n));
  }
  for (int n = 0; n < 100; ++n) {
    Future<int>& future = futures[static_cast<std::size_t>(n)];
    if (n % 10 == 3) {
      EXPECT_THROW(future.get(), WorkerLostError);
    } else {
      EXPECT_EQ(future.get(), n * n);
    }
  }
}

TEST_P(ExecutorDeathSuite, QueuedTasksOutliveTheOnlyWorker) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> lost = pool.submit(raise_signal, SIGKILL);
  std::vector<Future<int>> others;
  for (int n = 0; n < 20; ++n) others.push_back(pool.submit(square, n));
  EXPECT_THROW(lost.get(), WorkerLostError);
  for (int n = 0; n < 20; ++n) EXPECT_EQ(others[static_cast<std::size_t>(n)].get(), n * n);
}

TEST_P(ExecutorDeathSuite, AnIdleWorkersDeathTouchesNoFuture) {
  ProcessPoolExecutor pool = make_pool(1);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const int pid = pool.submit(own_pid).get();
    ::kill(pid, SIGKILL);
    await([&] { return pool.stats().restarted > i; });
    EXPECT_NE(pool.submit(own_pid).get(), pid);
  }
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(ExecutorDeathSuite, AResultPublishedBeforeTheDeathIsDelivered) {
  ProcessPoolExecutor pool = make_pool(1);
  for (int i = 0; i < 20; ++i) {
    Future<int> future = pool.submit(own_pid);
    const int pid = future.get();
    ::kill(pid, SIGKILL);
    EXPECT_EQ(future.get(), pid);
  }
}

TEST_P(ExecutorDeathSuite, ATaskThatClosesEveryDescriptorHarmsNobodyElse) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future = pool.submit([] {
    for (int fd = 0; fd < 65536; ++fd) ::close(fd);
    return 5;
  });
  try {
    EXPECT_EQ(future.get(), 5);
  } catch (const WorkerLostError&) {
  }
  EXPECT_EQ(pool.submit(square, 4).get(), 16);
}

TEST_P(ExecutorDeathSuite, ATaskThatBecomesAnotherProgramIsLostAlone) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future = pool.submit([] { return ::execl("/bin/sleep", "sleep", "1000", nullptr); });
  EXPECT_THROW(future.get(), WorkerLostError);
  EXPECT_EQ(pool.submit(square, 4).get(), 16);
}

TEST_P(ExecutorDeathSuite, ATaskThatEndsItsThreadIsLostAlone) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit([] { ::pthread_exit(nullptr); }).get(), WorkerLostError);
  EXPECT_EQ(pool.submit(square, 4).get(), 16);
}

TEST_P(ExecutorDeathSuite, AStoppedWorkerDelaysItsOwnTaskOnly) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [here, there] = pipe();
  Future<int> stopped = pool.submit(
      [](Connection line) {
        line.send(::getpid());
        ::raise(SIGSTOP);
        return 5;
      },
      there);
  const int pid = here.recv<int>();
  await([&] { return is_stopped(pid); });
  for (int n = 0; n < 50; ++n) EXPECT_EQ(pool.submit(square, n).get(), n * n);
  EXPECT_FALSE(stopped.done());
  ::kill(pid, SIGCONT);
  EXPECT_EQ(stopped.get(), 5);
}

TEST_P(ExecutorDeathSuite, AnIdleStoppedWorkerDoesNotHoldUpTheShutdown) {
  ProcessPoolExecutor pool = make_pool(1);
  ::kill(pool.submit(own_pid).get(), SIGSTOP);
  pool.shutdown();
}

TEST_P(ExecutorDeathSuite, WhatATaskPrintedIsNotLostWithItsWorker) {
  const std::filesystem::path path =
      testing::TempDir() + "/shoal-printed-" + std::to_string(::getpid());
  {
    ProcessPoolExecutor pool = make_pool(1);
    const int pid = pool.submit(
                            [](const std::string& file) {
                              if (std::freopen(file.c_str(), "w", stdout) == nullptr) std::abort();
                              std::printf("last words\n");
                              return ::getpid();
                            },
                            path.string())
                        .get();
    // The worker flushes before it sleeps.
    await([&] { return std::filesystem::file_size(path) > 0; });
    ::kill(pid, SIGKILL);
  }
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  EXPECT_EQ(line, "last words");
  std::filesystem::remove(path);
}

TEST_P(ExecutorDeathSuite, AllWorkersMayDieAtOnceAgainAndAgain) {
  ProcessPoolExecutor pool = make_pool(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<Future<int>> pids;
    for (int i = 0; i < 3; ++i) pids.push_back(pool.submit(own_pid));
    for (Future<int>& pid : pids) pid.wait();  // one worker may run them all
    for (Future<int>& pid : pids) ::kill(pid.get(), SIGKILL);
    std::vector<Future<int>> futures;
    for (int n = 0; n < 10; ++n) futures.push_back(pool.submit(square, n));
    for (int n = 0; n < 10; ++n) {
      try {
        EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
      } catch (const WorkerLostError&) {  // it had just started there
      }
    }
  }
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorDeathSuite);

}  // namespace shoal::test
