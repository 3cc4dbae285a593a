// SPDX-License-Identifier: Apache-2.0
// What Python's concurrent.futures asks of an executor's end.

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/faces_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ContractSuite : public ExecutorSuite {};

std::string join(const std::string& a, const std::string& b) { return a + b; }
std::string spell_slowly(std::string word) {
  std::this_thread::sleep_for(20ms);
  return word;
}

TEST_P(ContractSuite, SubmitTakesArgumentsAndConvertsThem_163) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(join, "ab", std::string("cd")).get(), "abcd");
  EXPECT_EQ(pool.submit(square, 'A').get(), 65 * 65);
  EXPECT_THROW(pool.submit(static_cast<int (*)(int)>(nullptr), 1), std::invalid_argument);
}

TEST_P(ContractSuite, ShutdownRightBehindMoreTasksThanWorkers_169) {
  for (int round = 0; round < 10; ++round) {
    ProcessPoolExecutor pool = make_pool(2);
    std::vector<Future<int>> futures;
    for (int n = 0; n < 3; ++n) futures.push_back(pool.submit(square, n));
    pool.shutdown();
    for (int n = 0; n < 3; ++n) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(0s), n * n);
  }
}

TEST_P(ContractSuite, NothingIsTakenAfterShutdown_170) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.shutdown({.wait = false});
  EXPECT_THROW(pool.submit(square, 2), PoolClosedError);
  EXPECT_THROW(pool.map(square, std::vector{1, 2}), PoolClosedError);
  EXPECT_THROW(pool.map({.chunksize = 1, .timeout = 1s}, square, std::vector{1}), PoolClosedError);
}

TEST_P(ContractSuite, FiftyFuturesCompleteThroughShutdown_172) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<std::string>> futures;
  for (int n = 0; n < 50; ++n) futures.push_back(pool.submit(spell_slowly, "apple"));
  pool.shutdown({.wait = false});
  EXPECT_EQ(wait(futures).done.size(), 50U);
  for (Future<std::string>& future : futures) EXPECT_EQ(future.get(), "apple");
}

TEST_P(ContractSuite, ShutdownCancelsWhatHasNotStarted_173) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<std::string>> futures;
  for (int n = 0; n < 50; ++n) futures.push_back(pool.submit(spell_slowly, "apple"));
  pool.shutdown({.cancel_futures = true});
  int cancelled = 0;
  for (Future<std::string>& future : futures) {
    ASSERT_TRUE(future.done());
    cancelled += future.cancelled();
    EXPECT_EQ(future.exception() != nullptr, future.cancelled());
  }
  EXPECT_GT(cancelled, 20);
}

TEST_P(ContractSuite, SubmitCancelAndShutdownDoNotHang_174) {
  for (int round = 0; round < 10; ++round) {
    ProcessPoolExecutor pool = make_pool(1);
    Future<int> future = pool.submit(square, 3);
    const bool is_cancelled = future.cancel();
    pool.shutdown();
    EXPECT_EQ(future.cancelled(), is_cancelled);
  }
}

TEST_P(ContractSuite, TheDestructorShutsDownAndResultsAreThere_175) {
  std::optional<ProcessPoolExecutor> pool = make_pool(2);
  auto results = pool->map(square, std::vector{-5, 5});
  pool->shutdown({.wait = false});
  pool.reset();
  auto at = results.begin();
  EXPECT_EQ(*at, 25);
  EXPECT_EQ(*++at, 25);
}

SHOAL_FOR_EACH_START_METHOD(ContractSuite);

}  // namespace
}  // namespace shoal::test
