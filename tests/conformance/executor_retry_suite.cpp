// SPDX-License-Identifier: Apache-2.0
// Tasks that are run again, and those that must not be.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorRetrySuite : public ExecutorSuite {
 protected:
  ProcessPoolExecutor pool_with(PoolOptions options) const {
    options.context = get_context(GetParam());
    return ProcessPoolExecutor(options);
  }
};

unsigned die_before(unsigned attempt) {
  if (this_task::attempt() < attempt) ::kill(::getpid(), SIGKILL);
  return this_task::attempt();
}
unsigned hang_before(unsigned attempt) {
  while (this_task::attempt() < attempt) ::pause();
  return this_task::attempt();
}
unsigned throw_before(unsigned attempt) {
  if (this_task::attempt() < attempt) throw std::runtime_error("not yet");
  return this_task::attempt();
}

TEST_P(ExecutorRetrySuite, ALostTaskThatIsSafeIsRunAgain) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2});
  EXPECT_EQ(pool.submit({.retries = 2}, die_before, 3U).get(), 3U);
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(ExecutorRetrySuite, ItIsLostWhenItsRetriesAreUsedUp) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  try {
    pool.submit({.retries = 1}, die_before, 9U).get();
    FAIL() << "it was run too often";
  } catch (const WorkerLostError& lost) {
    EXPECT_NE(std::string(lost.what()).find("attempt 2"), std::string::npos) << lost.what();
  }
  EXPECT_THROW(pool.submit(die_before, 2U).get(), WorkerLostError);
}

TEST_P(ExecutorRetrySuite, ATimeOutIsTriedAgain) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  EXPECT_EQ(pool.submit({.timeout = 50ms, .retries = 1}, hang_before, 2U).get(), 2U);
}

TEST_P(ExecutorRetrySuite, AnExceptionIsNot) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  EXPECT_THROW(pool.submit({.retries = 5}, throw_before, 2U).get(), std::runtime_error);
}

TEST_P(ExecutorRetrySuite, UnlessItsUserSaysSo) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  std::mutex mutex;
  std::vector<std::string> seen;
  const auto retry_if = [&](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::runtime_error& thrown) {
      const std::lock_guard guard(mutex);
      seen.emplace_back(thrown.what());
    }
    return true;
  };
  EXPECT_EQ(pool.submit({.retries = 5, .retry_if = retry_if}, throw_before, 3U).get(), 3U);
  EXPECT_THROW(pool.submit({.retries = 1, .retry_if = retry_if}, throw_before, 9U).get(),
               std::runtime_error);
  const std::lock_guard guard(mutex);
  EXPECT_EQ(seen, (std::vector<std::string>{"not yet", "not yet", "not yet"}));
}

TEST_P(ExecutorRetrySuite, ItsUserMayRefuseOrThrow) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const auto no = [](const std::exception_ptr&) { return false; };
  const auto thrower = [](const std::exception_ptr&) -> bool { throw std::logic_error("no idea"); };
  EXPECT_THROW(pool.submit({.retries = 5, .retry_if = no}, throw_before, 2U).get(),
               std::runtime_error);
  EXPECT_THROW(pool.submit({.retries = 5, .retry_if = thrower}, throw_before, 2U).get(),
               std::runtime_error);
}

TEST_P(ExecutorRetrySuite, BackOffDoubles) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(pool.submit({.retries = 3, .backoff = 40ms}, die_before, 3U).get(), 3U);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 120ms);
}

TEST_P(ExecutorRetrySuite, JitterTakesNoMoreThanItsPart) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(pool.submit({.retries = 1, .backoff = 100ms, .jitter = 0.1}, die_before, 2U).get(), 2U);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 90ms);
}

TEST_P(ExecutorRetrySuite, AnotherTaskRunsDuringTheBackOff) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  Future<unsigned> waits = pool.submit({.retries = 1, .backoff = 1h}, die_before, 2U);
  EXPECT_EQ(pool.submit(die_before, 1U).get(), 1U);
  EXPECT_EQ(pool.submit(die_before, 1U).get(), 1U);
  while (waits.running()) std::this_thread::yield();
  EXPECT_TRUE(waits.cancel());
  EXPECT_THROW(waits.get(), CancelledError);
}

TEST_P(ExecutorRetrySuite, ThePoolMayCallAllItsTasksSafe) {
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 2, .on_crash = CrashPolicy::retry_task(2)});
  EXPECT_EQ(pool.submit(die_before, 3U).get(), 3U);
  EXPECT_THROW(pool.submit(die_before, 4U).get(), WorkerLostError);
  EXPECT_THROW(pool.submit({.timeout = 50ms}, hang_before, 2U).get(), TaskTimeoutError);
}

TEST_P(ExecutorRetrySuite, OfAMapTheElementThatWasLostIsRunAgain) {
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 2, .on_crash = CrashPolicy::retry_task(1)});
  std::vector<int> input(200);
  std::iota(input.begin(), input.end(), 0);
  auto results = pool.map(
      [](int n) {
        if (n % 50 == 20 && this_task::attempt() == 1) ::kill(::getpid(), SIGKILL);
        if (n == 77) ::kill(::getpid(), SIGKILL);
        return n;
      },
      input);
  int n = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++n) {
    if (n == 77) {
      EXPECT_THROW(*at, WorkerLostError);
    } else {
      EXPECT_EQ(*at, n);
    }
  }
  EXPECT_EQ(n, 200);
  EXPECT_EQ(pool.stats().lost, 1U);
}

TEST_P(ExecutorRetrySuite, AClosedPoolFinishesItsRetries) {
  Future<unsigned> future;
  {
    ProcessPoolExecutor pool = pool_with({.max_workers = 1});
    future = pool.submit({.retries = 2, .backoff = 20ms}, die_before, 3U);
  }
  EXPECT_EQ(future.get(), 3U);
}

TEST_P(ExecutorRetrySuite, ShutdownThatCancelsWaitsForNoRetry) {
  Future<unsigned> future;
  {
    ProcessPoolExecutor pool = pool_with({.max_workers = 1});
    future = pool.submit({.retries = 2, .backoff = 1h}, die_before, 3U);
    pool.shutdown({.wait = true, .cancel_futures = true});
  }
  EXPECT_NE(future.exception(), nullptr);
}

unsigned report_request(Connection there) {
  if (this_task::attempt() > 1) return this_task::attempt();
  while (!this_task::stop_requested()) std::this_thread::yield();
  there.send(1);
  return static_cast<unsigned>(there.recv<int>());
}

TEST_P(ExecutorRetrySuite, WhatIsCancelledWhileItsTimeOutEndsItDoesNotRunAgain) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .grace = 1h});
  auto [here, there] = pipe();
  auto future = pool.submit({.timeout = 500ms, .retries = 3}, report_request, there);
  here.recv<int>();
  EXPECT_TRUE(future.cancel(Cancel::running));
  here.send(0);
  EXPECT_THROW(future.get(), CancelledError);
}

TEST_P(ExecutorRetrySuite, SenselessOptionsAreRefused) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  EXPECT_THROW(pool.submit({.backoff = -1s}, die_before, 1U), std::invalid_argument);
  EXPECT_THROW(pool.submit({.jitter = 1.5}, die_before, 1U), std::invalid_argument);
  EXPECT_THROW(pool.submit({.retry_if = [](const std::exception_ptr&) { return true; }},
                           die_before, 1U),
               std::invalid_argument);
  EXPECT_THROW(pool_with({.max_workers = 1, .task_timeout = 0s}), std::invalid_argument);
  EXPECT_THROW(pool_with({.max_workers = 1, .grace = -1s}), std::invalid_argument);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorRetrySuite);

}  // namespace
}  // namespace shoal::test
