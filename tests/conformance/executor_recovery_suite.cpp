// SPDX-License-Identifier: Apache-2.0
// Deaths at awkward moments: between two steps of a hand-over, of the fork server, in a copy that a
// task or the host has forked.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/running_program.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorRecoverySuite : public ExecutorSuite {};

constexpr std::size_t kFileSized = 20'000;  // too large for the mailbox

int square(int n) { return n * n; }
std::vector<char> make_large() { return std::vector<char>(kFileSized, 'x'); }

// Gives a large result, and has the process killed about when it is handed over.
std::vector<char> make_large_and_die(int microseconds) {
  std::thread([microseconds] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) continue;
    ::kill(::getpid(), SIGKILL);
  }).detach();
  return make_large();
}

// The fork servers and parked copies of this process.
std::vector<int> find_servers() {
  std::vector<int> servers = descendants_of(::getpid());
  std::erase_if(servers, [](int pid) {
    const std::string name = comm_of(pid);
    return name != "shoal-server" && name != "shoal-parked";
  });
  return servers;
}

TEST_P(ExecutorRecoverySuite, ADeathDuringTheHandOverIsNeverTakenForAForgery) {
  ProcessPoolExecutor pool = make_pool(2);
  pool.submit(square, 1).get();
  int values = 0;
  int lost = 0;
  for (int i = 0; i < 300; ++i) {
    try {
      EXPECT_EQ(pool.submit(make_large_and_die, i).get().size(), kFileSized);
      ++values;
    } catch (const WorkerLostError& error) {
      EXPECT_EQ(std::string(error.what()).find("protocol"), std::string::npos) << error.what();
      ++lost;
    }
  }
  EXPECT_EQ(values + lost, 300);
}

TEST_P(ExecutorRecoverySuite, TheDeathOfTheForkServerResolvesEveryFuture) {
  for (int round = 0; round < 4; ++round) {
    ProcessPoolExecutor pool = make_pool(4);
    std::vector<Future<int>> futures;
    for (int n = 0; n < 100; ++n) futures.push_back(pool.submit(square, n));
    for (const int server : find_servers()) ::kill(server, SIGKILL);
    for (int n = 0; n < 100; ++n) {
      try {
        EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
      } catch (const WorkerLostError&) {  // it had started there
      } catch (const BrokenPoolError&) {  // a parked copy is irreplaceable
        EXPECT_EQ(GetParam(), StartMethod::fork);
      }
    }
  }
}

TEST_P(ExecutorRecoverySuite, PoolsAndProcessesStartWhileTheForkServerIsBeingReplaced_23) {
  for (int round = 0; round < 40; ++round) {
    ProcessPoolExecutor pool = make_pool(2);
    pool.submit(square, 1).get();
    for (const int server : find_servers()) ::kill(server, SIGKILL);
    ProcessPoolExecutor second = make_pool(2);
    EXPECT_EQ(second.submit(square, 3).get(), 9);
    Process process = get_context(GetParam()).process([] {});
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
  }
}

TEST_P(ExecutorRecoverySuite, ATaskThatForksDoesNotSpeakTwice) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto fork_and_return = [] {
    const pid_t copy = ::fork();
    if (copy > 0) ::waitpid(copy, nullptr, 0);
    return make_large();  // in the copy, too
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(pool.submit(fork_and_return).get().size(), kFileSized);
    EXPECT_EQ(pool.submit(make_large).get().size(), kFileSized);
  }
  EXPECT_EQ(pool.stats().restarted, 0U);
}

TEST_P(ExecutorRecoverySuite, ResultsHeldAcrossABareForkAreDroppedInPeaceThere) {
  ProcessPoolExecutor pool = make_pool(1);
  auto results = pool.map(square, std::views::iota(0, 50));
  Future<std::vector<double>> large = pool.submit([] { return std::vector<double>(100'000, 1.0); });
  large.wait();
  const pid_t child = ::fork();
  if (child == 0) {
    { const auto dropped = std::move(results); }
    { const auto dropped = std::move(large); }
    const std::vector<char> memory(1 << 20, 'm');  // what another's memory would lie in
    ::_exit(std::ranges::count(memory, 'm') == 1 << 20 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(large.get().size(), 100'000U);
}

TEST_P(ExecutorRecoverySuite, NoWorkerOutlivesAParentThatWasKilled) {
  for (int round = 0; round < 5; ++round) {
    RunningProgram host("killed_pool_host", {testing::PrintToString(GetParam())});
    ASSERT_EQ(host.line(), "ready");
    const std::vector<UniqueFd> workers = watch(descendants_of(host.pid()));
    EXPECT_GE(workers.size(), 4U);
    host.kill();
    host.wait();
    await_ends(workers);
  }
}

// Only what is executed afresh runs static initialisers, where that program's children stop.
TEST(SilentWorkersTest, DoNotHoldUpTheEndOfASpawnPool) {
  RunningProgram host("silent_workers", {"stop"});
  EXPECT_EQ(host.all(), "ended\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST(SilentWorkersTest, ThatEndAtOnceBreakTheirPoolInsteadOfAStorm) {
  RunningProgram host("silent_workers", {"exit"});
  EXPECT_EQ(host.all(), "broken\nended\n");
  EXPECT_EQ(host.wait(), 0);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorRecoverySuite);

}  // namespace shoal::test
