// SPDX-License-Identifier: Apache-2.0
// How a pool begins and ends, and map.

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorLifeSuite : public ExecutorSuite {};
class ExecutorMapSuite : public ExecutorSuite {};

int square(int n) { return n * n; }
int wait_for_word(Connection line) { return line.recv<int>(); }

TEST_P(ExecutorLifeSuite, TheDestructorRunsWhatWasSubmitted_172_175) {
  std::vector<Future<int>> futures;
  {
    ProcessPoolExecutor pool = make_pool(2);
    for (int n = 0; n < 200; ++n) futures.push_back(pool.submit(square, n));
  }
  for (int n = 0; n < 200; ++n) {
    EXPECT_TRUE(futures[static_cast<std::size_t>(n)].done());
    EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
  }
}

TEST_P(ExecutorLifeSuite, NothingIsTakenAfterShutdown_170) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.shutdown();
  EXPECT_THROW(pool.submit(square, 1), PoolClosedError);
  pool.shutdown();  // again does nothing
}

TEST_P(ExecutorLifeSuite, ShutdownCanCancelWhatHasNotStarted_173) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  auto [ready, ready_there] = pipe(Duplex::no);
  Future<int> running = pool.submit(
      [](Connection started, Connection line) {
        started.send(true);
        return line.recv<int>();
      },
      ready_there, there);
  ready.recv<bool>();
  std::vector<Future<int>> queued;
  for (int n = 0; n < 50; ++n) queued.push_back(pool.submit(square, n));
  pool.shutdown({.wait = false, .cancel_futures = true});
  for (Future<int>& future : queued) {
    EXPECT_TRUE(future.cancelled());
    EXPECT_THROW(future.get(), CancelledError);
  }
  EXPECT_FALSE(running.done());
  here.send(3);
  EXPECT_EQ(running.get(), 3);
}

TEST_P(ExecutorLifeSuite, AQueuedTaskCanBeCancelled) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  Future<int> queued = pool.submit(square, 2);
  EXPECT_TRUE(queued.cancel());
  EXPECT_FALSE(queued.cancel());
  EXPECT_TRUE(queued.cancelled());
  EXPECT_THROW(queued.get(), CancelledError);
  here.send(1);
  EXPECT_EQ(running.get(), 1);
  EXPECT_FALSE(running.cancel());
}

TEST_P(ExecutorLifeSuite, WrongOptionsAreNamed_167) {
  for (const unsigned workers : {0U, 1025U, 4'000'000'000U}) {
    try {
      make_pool(workers);
      FAIL() << workers << " workers were taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("PoolOptions::max_workers"), std::string::npos);
    }
  }
}

TEST_P(ExecutorLifeSuite, AMovedPoolGoesOn) {
  ProcessPoolExecutor first = make_pool(1);
  Future<int> future = first.submit(square, 5);
  ProcessPoolExecutor second = std::move(first);
  EXPECT_EQ(future.get(), 25);
  EXPECT_EQ(second.submit(square, 6).get(), 36);
  EXPECT_THROW(first.submit(square, 1), std::logic_error);
  second = make_pool(1);
  EXPECT_EQ(second.submit(square, 7).get(), 49);
}

TEST_P(ExecutorLifeSuite, ForkedCopiesRefuseToWork) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future = pool.submit(square, 3);
  const pid_t child = ::fork();
  if (child == 0) {
    int refused = 0;
    try {
      pool.submit(square, 1);
    } catch (const std::logic_error&) {
      ++refused;
    }
    try {
      future.get();
    } catch (const std::logic_error&) {
      ++refused;
    }
    { const ProcessPoolExecutor copy = std::move(pool); }  // its destructor does nothing
    ::_exit(refused);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(future.get(), 9);
  EXPECT_EQ(pool.submit(square, 4).get(), 16);
}

TEST_P(ExecutorLifeSuite, ManyPoolsLeaveNothingBehind) {
  make_pool(1).submit(square, 1).get();  // what lives as long as the process
  const LeakGuard guard;
  for (int i = 0; i < 10; ++i) {
    ProcessPoolExecutor pool = make_pool(2);
    EXPECT_EQ(pool.submit(square, i).get(), i * i);
    EXPECT_THROW(pool.submit([] { ::_exit(1); }).get(), WorkerLostError);
  }
}

TEST_P(ExecutorLifeSuite, TwoPoolsWorkSideBySide) {
  ProcessPoolExecutor first = make_pool(1);
  ProcessPoolExecutor second = make_pool(1);
  std::vector<Future<int>> futures;
  for (int n = 0; n < 50; ++n) futures.push_back((n % 2 == 0 ? first : second).submit(square, n));
  for (int n = 50; n-- > 0;) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
}

TEST_P(ExecutorLifeSuite, MoreWorkersThanCpusWork) {
  ProcessPoolExecutor pool = make_pool(32);
  int sum = 0;
  for (const int n : pool.map(square, std::views::iota(0, 200))) sum += n;
  EXPECT_EQ(sum, 199 * 200 * 399 / 6);
  EXPECT_EQ(pool.stats().workers, 32U);
}

TEST_P(ExecutorMapSuite, GivesResultsInTheOrderOfTheInput) {
  ProcessPoolExecutor pool = make_pool(2);
  int next = 0;
  for (const int n : pool.map(square, std::views::iota(0, 500))) {
    EXPECT_EQ(n, next * next);
    ++next;
  }
  EXPECT_EQ(next, 500);
}

TEST_P(ExecutorMapSuite, TakesOneFromEachOfSeveralRanges_164) {
  ProcessPoolExecutor pool = make_pool(1);
  const std::vector<int> numbers{1, 2, 3};
  const std::vector<std::string> words{"a", "b", "c", "left over"};
  std::string text;
  for (const std::string& part :
       pool.map([](int n, const std::string&word) { return word + std::to_string(n); }, numbers,
                words)) {
    text += part;
  }
  EXPECT_EQ(text, "a1b2c3");
}

TEST_P(ExecutorMapSuite, AVoidFunctionGivesMonostates) {
  ProcessPoolExecutor pool = make_pool(1);
  int count = 0;
  for (const std::monostate nothing : pool.map([](int) {}, std::vector{1, 2, 3})) {
    static_cast<void>(nothing);
    ++count;
  }
  EXPECT_EQ(count, 3);
}

TEST_P(ExecutorMapSuite, AnElementsExceptionIsThrownOnReachingItAndTheNextGoesOn_165) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map(
      [](int n) {
        if (n == 1) throw std::out_of_range("one");
        return n;
      },
      std::vector{0, 1, 2});
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  ++at;
  EXPECT_THROW(*at, std::out_of_range);
  ++at;
  EXPECT_EQ(*at, 2);
  ++at;
  EXPECT_TRUE(at == results.end());
}

TEST_P(ExecutorMapSuite, OfNothingIsNothing) {
  ProcessPoolExecutor pool = make_pool(1);
  for (const int n : pool.map(square, std::vector<int>())) FAIL() << n;
}

TEST_P(ExecutorMapSuite, DroppingTheResultsCancelsWhatHasNotStarted) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  Future<int> first = pool.submit(wait_for_word, there);
  while (!first.running()) std::this_thread::yield();
  { auto results = pool.map(square, std::views::iota(0, 1000)); }
  EXPECT_EQ(pool.stats().queued, 0U);
  here.send(1);
  EXPECT_EQ(first.get(), 1);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorLifeSuite);
SHOAL_FOR_EACH_START_METHOD(ExecutorMapSuite);

}  // namespace shoal::test
