// SPDX-License-Identifier: Apache-2.0
// The options of pools, at the face of Python's multiprocessing.Pool; and what it lets go of.

#include <unistd.h>

#include <chrono>
#include <numeric>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/start_methods.hpp"
#include "shoal/shoal.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class PoolOptionsSuite : public testing::TestWithParam<StartMethod> {
 protected:
  static Pool pool_with(PoolOptions options) {
    options.context = get_context(GetParam());
    return Pool(options);
  }
};

int own_pid(int) { return ::getpid(); }
int same(int n) { return n; }
void say_pid(const Connection& line) { line.send(static_cast<int>(::getpid())); }
void fail_to_prepare() { throw std::runtime_error("no licence"); }
int refuse(int n) { throw std::out_of_range("refused " + std::to_string(n)); }
int hang(int) {
  for (;;) ::pause();
}
int take(const Connection& line) { return line.closed() ? 0 : 1; }
Connection give(Connection line) { return line; }

TEST_P(PoolOptionsSuite, AnExceptionKeepsItsTypeAndBringsItsTrace_102) {
  Pool pool = pool_with({.max_workers = 1});
  try {
    pool.apply(refuse, 7);
    FAIL() << "it did not throw";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "refused 7");
    EXPECT_NE(remote_trace(error).find("std::out_of_range: refused 7"), std::string::npos)
        << remote_trace(error);
  }
  try {
    pool.map(same, std::views::iota(0, 3) | std::views::transform([](int n) -> int {
                     throw std::out_of_range("the input ends at " + std::to_string(n));
                   }));
    FAIL() << "it did not throw";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "the input ends at 0");
    EXPECT_EQ(remote_trace(error), "");  // thrown here
  }
}

TEST_P(PoolOptionsSuite, ArgumentsAndResultsAreReleased_104) {
  Pool pool = pool_with({.max_workers = 2});
  auto [here, there] = pipe();
  EXPECT_EQ(pool.map(take, std::vector<Connection>(10, there)), std::vector<int>(10, 1));
  { EXPECT_FALSE(pool.apply(give, there).closed()); }
  { EXPECT_FALSE(pool.apply_async(give, there).get().closed()); }
  there.close();
  EXPECT_THROW(here.recv<int>(), EndOfStreamError);  // hangs if anybody still holds one
}

TEST_P(PoolOptionsSuite, NoLimitOfTasksIsZero_110) {
  Pool pool = pool_with({.max_workers = 1, .max_tasks_per_child = 0});
  std::set<int> pids;
  for (int n = 0; n < 50; ++n) pids.insert(pool.apply(own_pid, n));
  EXPECT_EQ(pids.size(), 1U);
}

TEST_P(PoolOptionsSuite, TheInitializerRunsOnceInEachWorker_113) {
  auto [reader, writer] = pipe(Duplex::no);
  Pool pool = pool_with({.max_workers = 3, .initializer = shoal::bind(say_pid, writer)});
  writer.close();
  std::set<int> prepared;
  for (int n = 0; n < 3; ++n) prepared.insert(reader.recv<int>());
  EXPECT_EQ(prepared.size(), 3U);
  for (int n = 0; n < 20; ++n) EXPECT_TRUE(prepared.contains(pool.apply(own_pid, n)));
  EXPECT_FALSE(reader.poll());
}

TEST_P(PoolOptionsSuite, AnInitializerThatThrowsBreaksIt_113) {
  Pool pool = pool_with({.max_workers = 1, .initializer = fail_to_prepare});
  try {
    pool.apply(same, 1);
    FAIL() << "a task ran without the initializer";
  } catch (const BrokenPoolError& error) {
    EXPECT_NE(std::string(error.what()).find("no licence"), std::string::npos) << error.what();
  }
}

TEST_P(PoolOptionsSuite, WorkersAreReplacedAfterTheirTasks) {
  Pool pool = pool_with({.max_workers = 1, .max_tasks_per_child = 2});
  std::set<int> pids;
  for (int n = 0; n < 6; ++n) pids.insert(pool.apply(own_pid, n));
  EXPECT_EQ(pids.size(), 3U);
}

TEST_P(PoolOptionsSuite, TasksHaveThePoolsTimeout) {
  Pool pool = pool_with({.max_workers = 1, .task_timeout = 50ms});
  EXPECT_THROW(pool.apply(hang, 1), TaskTimeoutError);
}

SHOAL_FOR_EACH_START_METHOD(PoolOptionsSuite);

}  // namespace
}  // namespace shoal::test
