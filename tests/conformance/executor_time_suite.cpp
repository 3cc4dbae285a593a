// SPDX-License-Identifier: Apache-2.0
// Tasks that take too long, and tasks that nobody wants any more.
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorTimeSuite : public ExecutorSuite {
 protected:
  ProcessPoolExecutor pool_with(PoolOptions options) const {
    options.context = get_context(GetParam());
    return ProcessPoolExecutor(options);
  }
};

int own_pid() { return ::getpid(); }
int wait_for_ever(int value) {
  for (;;) ::pause();
  return value;
}
int obey() {
  while (!this_task::stop_requested()) std::this_thread::sleep_for(1ms);
  return 1;
}
int look_but_never_obey() {
  for (;;) static_cast<void>(this_task::stop_requested());
}
int wait_for_word(Connection line) { return line.recv<int>(); }
int wait_for_ever_at_seven(int n) { return n == 7 ? wait_for_ever(n) : n; }
void say_and_wait(Connection line) {
  line.send(1);
  wait_for_ever(0);
}

TEST_P(ExecutorTimeSuite, ATaskBeyondItsTimeOutIsEndedAndItsWorkerReplaced) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const int before = pool.submit(own_pid).get();
  Future<int> slow = pool.submit({.timeout = 50ms, .name = "slow one"}, wait_for_ever, 1);
  Future<int> behind = pool.submit(own_pid);
  try {
    slow.get();
    FAIL() << "it was not ended";
  } catch (const TaskTimeoutError& error) {
    EXPECT_NE(std::string(error.what()).find("slow one"), std::string::npos);
  }
  EXPECT_NE(behind.get(), before);
  EXPECT_EQ(pool.stats().restarted, 1U);
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(ExecutorTimeSuite, TheTimeInTheQueueDoesNotCount) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<int> first = pool.submit(wait_for_word, there);
  Future<int> second = pool.submit({.timeout = 300ms}, own_pid);
  EXPECT_FALSE(second.wait(400ms));
  here.send(1);
  EXPECT_EQ(first.get(), 1);
  EXPECT_GT(second.get(), 0);
}

TEST_P(ExecutorTimeSuite, ThePoolsTimeOutIsForTasksWithoutTheirOwn) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .task_timeout = 50ms});
  EXPECT_THROW(pool.submit(wait_for_ever, 1).get(), TaskTimeoutError);
  auto [here, there] = pipe();
  Future<int> patient = pool.submit({.timeout = 1h}, wait_for_word, there);
  EXPECT_FALSE(patient.wait(200ms));
  here.send(5);
  EXPECT_EQ(patient.get(), 5);
}

TEST_P(ExecutorTimeSuite, ATaskThatAsksGetsGraceAndKeepsItsWorker) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .grace = 1h});
  const int before = pool.submit(own_pid).get();
  EXPECT_THROW(pool.submit({.timeout = 50ms}, obey).get(), TaskTimeoutError);
  EXPECT_EQ(pool.submit(own_pid).get(), before);
}

TEST_P(ExecutorTimeSuite, GraceEnds) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .grace = 50ms});
  const int before = pool.submit(own_pid).get();
  EXPECT_THROW(pool.submit({.timeout = 50ms}, look_but_never_obey).get(), TaskTimeoutError);
  EXPECT_NE(pool.submit(own_pid).get(), before);
}

TEST_P(ExecutorTimeSuite, AnElementOfAMapTimesOutAlone) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .task_timeout = 200ms});
  std::vector<int> input(40);
  std::iota(input.begin(), input.end(), 0);
  auto results = pool.map(wait_for_ever_at_seven, input);
  int expected = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++expected) {
    if (expected == 7) {
      EXPECT_THROW(*at, TaskTimeoutError);
    } else {
      EXPECT_EQ(*at, expected);
    }
  }
  EXPECT_EQ(expected, 40);
}

TEST_P(ExecutorTimeSuite, WhatHasExpiredNeverRuns) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<int> first = pool.submit(wait_for_word, there);
  Future<int> late = pool.submit({.expires = 20ms}, own_pid);
  Future<int> patient = pool.submit({.expires = 1h}, own_pid);
  EXPECT_THROW(late.get(), TaskTimeoutError);
  EXPECT_FALSE(first.done());
  here.send(1);
  EXPECT_GT(patient.get(), 0);
}

TEST_P(ExecutorTimeSuite, WhatRunsDoesNotExpire) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<int> begun = pool.submit({.expires = 1h}, wait_for_word, there);
  here.send(1);
  EXPECT_EQ(begun.get(), 1);
  auto [near, far] = pipe();
  Future<void> long_one = pool.submit({.timeout = 300ms, .expires = 100ms}, say_and_wait, far);
  EXPECT_EQ(near.recv<int>(), 1);
  EXPECT_FALSE(long_one.wait(150ms));
  EXPECT_THROW(long_one.get(), TaskTimeoutError);
}

TEST_P(ExecutorTimeSuite, ATimeThatIsUpAlreadyIsNoError) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  EXPECT_THROW(pool.submit({.timeout = 0s}, wait_for_ever, 1).get(), TaskTimeoutError);
  EXPECT_THROW(pool.submit({.timeout = -1s}, wait_for_ever, 1).get(), TaskTimeoutError);
  auto [here, there] = pipe();
  Future<int> first = pool.submit(wait_for_word, there);
  EXPECT_THROW(pool.submit({.expires = 0s}, own_pid).get(), TaskTimeoutError);
  EXPECT_THROW(pool.submit({.expires = -1h}, own_pid).get(), TaskTimeoutError);
  here.send(1);
  EXPECT_EQ(first.get(), 1);
}

TEST_P(ExecutorTimeSuite, ARunningTaskIsCancelledWithItsWorker) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const int before = pool.submit(own_pid).get();
  auto [here, there] = pipe();
  Future<void> running = pool.submit(say_and_wait, there);
  Future<int> behind = pool.submit(own_pid);
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_FALSE(running.cancel());
  EXPECT_TRUE(running.cancel(Cancel::running));
  EXPECT_THROW(running.get(), CancelledError);
  EXPECT_TRUE(running.cancelled());
  EXPECT_FALSE(running.cancel(Cancel::running));
  EXPECT_NE(behind.get(), before);
}

TEST_P(ExecutorTimeSuite, ACancelledTaskThatAsksKeepsItsWorker) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .grace = 1h});
  const int before = pool.submit(own_pid).get();
  auto [here, there] = pipe();
  Future<int> running = pool.submit(
      [](Connection line) {
        static_cast<void>(this_task::stop_requested());
        line.send(1);
        return obey();
      },
      there);
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_TRUE(running.cancel(Cancel::running));
  EXPECT_THROW(running.get(), CancelledError);
  EXPECT_EQ(pool.submit(own_pid).get(), before);
}

TEST_P(ExecutorTimeSuite, CancelOfARunningTaskSparesThoseBehindIt) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  for (int i = 0; i < 64; ++i) pool.submit(own_pid).get();  // known to be short
  for (int round = 0; round < 20; ++round) {
    std::vector<Future<int>> futures;
    for (int i = 0; i < 40; ++i) futures.push_back(pool.submit(own_pid));
    futures[static_cast<std::size_t>(round)].cancel(Cancel::running);
    for (int i = 0; i < 40; ++i) {
      Future<int>& future = futures[static_cast<std::size_t>(i)];
      if (i == round && future.exception() != nullptr) continue;
      EXPECT_GT(future.get(), 0) << i;
    }
  }
  EXPECT_EQ(pool.stats().lost, 0U);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorTimeSuite);

}  // namespace
}  // namespace shoal::test
