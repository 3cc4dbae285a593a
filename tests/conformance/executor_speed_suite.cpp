// SPDX-License-Identifier: Apache-2.0
// What makes a pool fast, seen from outside: by its counters, never by a clock.

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

int echo(int n) { return n; }
int echo_slowly(int n) {
  if (n < 0) std::this_thread::sleep_for(50ms);
  return n;
}
std::size_t count(const std::vector<double>& values) { return values.size(); }
double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

struct Bundle {
  std::vector<UniqueFd> descriptors;
  std::string text;
};
Bundle bundle(std::size_t descriptors) {
  Bundle result;
  for (std::size_t i = 0; i < descriptors; ++i) result.descriptors.emplace_back(::dup(2));
  result.text.assign(100'000, 't');
  return result;
}
std::string long_text() { return std::string(100'000, 'l'); }
rlim_t limit_files(rlim_t most) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t before = std::exchange(limit.rlim_cur, most);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return before;
}

class ExecutorSpeedSuite : public ExecutorSuite {
 protected:
  static ProcessPoolExecutor make_sleepy_pool(unsigned workers) {
    return ProcessPoolExecutor{
        {.max_workers = workers, .context = get_context(GetParam()), .spin = 0s}};
  }
  template <class Fn>
  static void run(ProcessPoolExecutor& pool, Fn fn, int tasks) {
    std::vector<Future<int>> futures;
    for (int i = 0; i < tasks; ++i) futures.push_back(pool.submit(fn, i));
    for (int i = 0; i < tasks; ++i) ASSERT_EQ(futures[static_cast<std::size_t>(i)].get(), i);
  }
};

TEST_P(ExecutorSpeedSuite, ShortTasksAreHandedOverAhead) {
  ProcessPoolExecutor pool = make_pool(2);
  for (int round = 0; round < 100 && pool.stats().prefetch_depth <= 8; ++round) {
    run(pool, echo, 5'000);
  }
  EXPECT_GT(pool.stats().prefetch_depth, 8U);
}

TEST_P(ExecutorSpeedSuite, LongTasksAreNot) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<int>> futures;
  for (int i = 0; i < 6; ++i) futures.push_back(pool.submit(echo_slowly, -1));
  for (Future<int>& future : futures) future.get();
  EXPECT_EQ(pool.stats().prefetch_depth, 0U);
}

TEST_P(ExecutorSpeedSuite, WhatWaitsBehindASurpriseIsTakenBack) {
  ProcessPoolExecutor pool = make_pool(2);
  // The function looks short, until one call of it is not: what was handed over behind that one
  // goes to the other worker meanwhile.
  for (int round = 0; round < 200 && pool.stats().revocations == 0; ++round) {
    run(pool, echo_slowly, 1'000);
    std::vector<Future<int>> futures;
    futures.push_back(pool.submit(echo_slowly, -1));
    for (int i = 0; i < 5; ++i) futures.push_back(pool.submit(echo_slowly, i));
    for (std::size_t i = 1; i < futures.size(); ++i) futures[i].get();
    futures[0].get();
  }
  EXPECT_GT(pool.stats().revocations, 0U);
}

TEST_P(ExecutorSpeedSuite, WithoutSpinEveryWaitSleeps) {
  ProcessPoolExecutor pool = make_sleepy_pool(1);
  const PoolStats before = pool.stats();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(pool.submit(echo, i).get(), i);
    std::this_thread::sleep_for(100us);  // and the worker falls asleep
  }
  EXPECT_EQ(pool.stats().spins, before.spins);
  EXPECT_GT(pool.stats().wakes, 0U);
}

TEST_P(ExecutorSpeedSuite, LargeArgumentsComeWholeAgainAndAgain) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<double> values(1 << 20);
  std::iota(values.begin(), values.end(), 0.0);
  const double expected = std::accumulate(values.begin(), values.end(), 0.0);
  for (int round = 0; round < 3; ++round) {
    std::vector<Future<double>> sums;
    for (int i = 0; i < 8; ++i) sums.push_back(pool.submit(sum, values));
    for (Future<double>& future : sums) ASSERT_EQ(future.get(), expected);
  }
}

TEST_P(ExecutorSpeedSuite, ArgumentsOfManySizesShareTheMemory) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<std::size_t>> counts;
  for (std::size_t i = 0; i < 200; ++i) {
    counts.push_back(pool.submit(count, std::vector<double>(i * 997 % 300'000)));
  }
  for (std::size_t i = 0; i < 200; ++i) ASSERT_EQ(counts[i].get(), i * 997 % 300'000);
}

TEST_P(ExecutorSpeedSuite, AResultThatCannotBeSentHarmsNoOther) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit(bundle, std::size_t{300}).get(), ResourceError);
  EXPECT_EQ(pool.submit(long_text).get().size(), 100'000U);
  EXPECT_EQ(pool.submit(bundle, std::size_t{3}).get().text.size(), 100'000U);
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(ExecutorSpeedSuite, AWorkerShortOfDescriptorsCostsNoLaterTask) {
  if (kIsSanitized) GTEST_SKIP() << "sanitizers need descriptors to look at an object";
  ProcessPoolExecutor pool = make_pool(1);
  const rlim_t before = pool.submit(limit_files, rlim_t{3}).get();
  const std::vector<double> large(100'000);
  EXPECT_THROW(pool.submit(count, large).get(), Error);
  try {
    pool.submit(limit_files, before).get();
  } catch (const WorkerLostError&) {
    // The worker may be on its way out.
  }
  EXPECT_EQ(pool.submit(count, large).get(60s), 100'000U);
}

TEST_P(ExecutorSpeedSuite, AParentShortOfDescriptorsRecovers) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(count, std::vector<double>()).get(), 0U);
  const rlim_t before = limit_files(3);
  Future<std::string> starved = pool.submit(long_text);
  starved.wait();
  limit_files(before);  // sanitizers need descriptors to look at an exception
  EXPECT_THROW(starved.get(), ResourceError);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.submit(long_text).get().size(), 100'000U);
  EXPECT_EQ(pool.stats().lost, 0U);
  EXPECT_EQ(pool.stats().restarted, 0U);
}

TEST_P(ExecutorSpeedSuite, MoreWorkersThanCpusServeManyTasks) {
  ProcessPoolExecutor pool = make_pool(32);
  run(pool, echo, 20'000);
  EXPECT_EQ(pool.stats().completed, 20'000U);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorSpeedSuite);

}  // namespace
}  // namespace shoal::test
