// SPDX-License-Identifier: Apache-2.0
// Waiting for many futures.

#include <chrono>
#include <list>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/faces_suite.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class WaitSuite : public ExecutorSuite {};
class AsCompletedSuite : public ExecutorSuite {};

std::vector<Future<int>> squares(ProcessPoolExecutor& pool, int count) {
  std::vector<Future<int>> futures;
  for (int n = 0; n < count; ++n) futures.push_back(pool.submit(square, n));
  return futures;
}

TEST_P(WaitSuite, ForAllGivesThemInTheirOrder_198) {
  ProcessPoolExecutor pool = make_pool(2);
  auto [done, not_done] = wait(squares(pool, 200));
  EXPECT_TRUE(not_done.empty());
  ASSERT_EQ(done.size(), 200U);
  for (int n = 0; n < 200; ++n) EXPECT_EQ(done[static_cast<std::size_t>(n)].get(), n * n);
}

TEST_P(WaitSuite, OneThatIsGivenTwiceCountsOnce_198) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future = pool.submit(square, 2);
  const Future<int> copy = future;
  EXPECT_EQ(wait({future, copy, future}).done.size(), 1U);
}

TEST_P(WaitSuite, ForTheFirstThatCompletes_198) {
  ProcessPoolExecutor pool = make_pool(2);
  Occupied worker(pool);
  const std::vector<Future<int>> futures{worker.future(), pool.submit(square, 3)};
  WaitResult<int> result = wait(futures, forever, ReturnWhen::first_completed);
  ASSERT_EQ(result.done.size(), 1U);
  EXPECT_EQ(result.done[0].get(), 9);
  EXPECT_EQ(result.not_done.size(), 1U);
  result = wait(futures, forever, first_completed);  // some are done already
  EXPECT_EQ(result.done.size(), 1U);
  worker.release();
}

TEST_P(WaitSuite, ForTheFirstException_198) {
  ProcessPoolExecutor pool = make_pool(2);
  Occupied worker(pool);
  std::list<Future<int>> futures{worker.future(), pool.submit(square, 1),
                                 pool.submit(fail_with, "no")};
  WaitResult<int> result = wait(futures, forever, ReturnWhen::first_exception);
  EXPECT_EQ(result.not_done.size(), 1U);
  result = wait(futures, forever, ReturnWhen::first_exception);  // it has failed already
  EXPECT_EQ(result.not_done.size(), 1U);
  futures.pop_back();
  worker.release();
  result = wait(futures, forever, ReturnWhen::first_exception);
  EXPECT_TRUE(result.not_done.empty());
}

TEST_P(WaitSuite, ACancelledFutureIsDoneAndHasNotFailed_198) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  Future<int> cancelled = pool.submit(square, 1);
  cancelled.cancel();
  const auto [done, not_done] =
      wait({worker.future(), cancelled}, 1ms, ReturnWhen::first_exception);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_TRUE(done[0].cancelled());
  EXPECT_EQ(not_done.size(), 1U);
  worker.release();
}

TEST_P(WaitSuite, ATimeoutSplitsThem_198) {
  ProcessPoolExecutor pool = make_pool(2);
  Occupied worker(pool);
  Future<int> quick = pool.submit(square, 1);
  quick.wait();
  const auto start = std::chrono::steady_clock::now();
  const auto [done, not_done] = wait(std::vector{worker.future(), quick}, 20ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  EXPECT_EQ(done.size(), 1U);
  EXPECT_EQ(not_done.size(), 1U);
  EXPECT_EQ(wait(std::vector{worker.future()}, 0s).not_done.size(), 1U);
  worker.release();
}

TEST_P(WaitSuite, ForNothingReturnsAtOnce_198) {
  const WaitResult<int> result = wait(std::vector<Future<int>>(), forever, first_completed);
  EXPECT_TRUE(result.done.empty());
  EXPECT_TRUE(result.not_done.empty());
}

TEST_P(WaitSuite, AHundredReleasedByOneEventDoNotRace_200) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  const std::vector<Future<int>> futures = squares(pool, 100);
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] { EXPECT_TRUE(wait(futures).not_done.empty()); });
  }
  worker.release();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST_P(WaitSuite, FuturesMayComeFromSeveralPools) {
  ProcessPoolExecutor first = make_pool(1);
  ProcessPoolExecutor second = make_pool(1);
  std::vector<Future<int>> futures = squares(first, 20);
  for (Future<int>& future : squares(second, 20)) futures.push_back(future);
  EXPECT_EQ(wait(futures).done.size(), 40U);
}

TEST_P(AsCompletedSuite, GivesAllEachOnce_199) {
  ProcessPoolExecutor pool = make_pool(2);
  std::multiset<int> values;
  for (Future<int> future : as_completed(squares(pool, 300))) {
    EXPECT_TRUE(future.done());
    values.insert(future.get());
  }
  EXPECT_EQ(values.size(), 300U);
  EXPECT_EQ(values.count(299 * 299), 1U);
}

TEST_P(AsCompletedSuite, ThoseDoneComeFirst_199) {
  ProcessPoolExecutor pool = make_pool(2);
  Occupied worker(pool);
  Future<int> quick = pool.submit(square, 5);
  quick.wait();
  auto range = as_completed(std::vector{worker.future(), quick});
  auto at = range.begin();
  EXPECT_EQ((*at).get(), 25);
  worker.release(3);
  ++at;
  EXPECT_EQ((*at).get(), 3);
  EXPECT_EQ((*at).get(), 3);  // and looked at again
  ++at;
  EXPECT_TRUE(at == range.end());
}

TEST_P(AsCompletedSuite, DuplicatesCountOnce_199) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future = pool.submit(square, 2);
  int count = 0;
  for (const Future<int>& each : as_completed({future, future, future})) count += each.done();
  EXPECT_EQ(count, 1);
}

TEST_P(AsCompletedSuite, ATimeoutSaysHowManyAreUnfinished_199) {
  for (const Duration timeout : {Duration(0s), Duration(50ms)}) {
    ProcessPoolExecutor pool = make_pool(3);
    Occupied first(pool);
    Occupied second(pool);
    std::vector<Future<int>> futures{first.future(), second.future(), pool.submit(square, 1),
                                     pool.submit(square, 2)};
    futures[2].wait();
    futures[3].wait();
    int given = 0;
    try {
      for (const Future<int>& future : as_completed(futures, timeout)) given += future.done();
      FAIL() << "it gave all";
    } catch (const TimeoutError& error) {
      EXPECT_STREQ(error.what(), "2 (of 4) futures unfinished");
    }
    EXPECT_EQ(given, 2);
    first.release();
    second.release();
  }
}

TEST_P(AsCompletedSuite, GivenFuturesAreNotKeptAlive_199) {
  make_pool(1).submit(square, 1).get();
  ProcessPoolExecutor pool = make_pool(1);
  std::vector<Future<UniqueFd>> futures;
  for (int i = 0; i < 3; ++i) {
    futures.push_back(pool.submit([] { return UniqueFd(::dup(2)); }));
  }
  wait(futures);
  auto range = as_completed(std::move(futures));
  futures.clear();
  auto at = range.begin();
  const std::size_t before = current_holdings().descriptors.size();
  for (std::size_t given = 1; given <= 3; ++given) {
    static_cast<void>(*at);
    ++at;
    EXPECT_EQ(current_holdings().descriptors.size(), before - given);
  }
}

TEST_P(AsCompletedSuite, AnExceptionIsInItsFuture) {
  ProcessPoolExecutor pool = make_pool(2);
  int failures = 0;
  for (Future<int> future : as_completed({pool.submit(fail_with, "no"), pool.submit(square, 2)})) {
    failures += future.exception() != nullptr;
  }
  EXPECT_EQ(failures, 1);
}

TEST_P(AsCompletedSuite, ItMayBeLeftHalfWay) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<int>> futures = squares(pool, 50);
  for (const Future<int>& future : as_completed(futures)) {
    EXPECT_TRUE(future.done());
    break;
  }
  for (int n = 0; n < 50; ++n) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
}

TEST_P(AsCompletedSuite, ItGivesFuturesThatMayBeTaken) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<int>> taken;
  for (auto& future : as_completed(squares(pool, 20))) taken.push_back(std::move(future));
  EXPECT_EQ(taken.size(), 20U);
  for (const auto& future : taken) EXPECT_GE(future.get(), 0);
}

SHOAL_FOR_EACH_START_METHOD(WaitSuite);
SHOAL_FOR_EACH_START_METHOD(AsCompletedSuite);

}  // namespace
}  // namespace shoal::test
