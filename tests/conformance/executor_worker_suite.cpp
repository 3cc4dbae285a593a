// SPDX-License-Identifier: Apache-2.0
// The workers of a pool: their beginning, their replacement, their number, and what is told of them.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorWorkerSuite : public ExecutorSuite {
 protected:
  ProcessPoolExecutor pool_with(PoolOptions options) const {
    options.context = get_context(GetParam());
    return ProcessPoolExecutor(options);
  }
};

int own_pid() { return ::getpid(); }
int wait_for_word(Connection line) { return line.recv<int>(); }
void prepare(int value) { worker_local<int>() = value; }
int prepared() { return worker_local<int>(); }
void fail_to_prepare() { throw std::runtime_error("no licence"); }
void take_memory() {
  constexpr std::size_t kBytes = std::size_t{96} << 20;
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
}
void die() { ::kill(::getpid(), SIGKILL); }

// Waits until what `is_true` asks for has come about; ctest's watchdog bounds it.
template <class F>
void await(F is_true) {
  while (!is_true()) std::this_thread::sleep_for(1ms);
}

// --- the initializer ----------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, TheInitializerRunsInEveryWorkerBeforeItsFirstTask_191) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .initializer = bind(prepare, 42)});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.submit(prepared).get(), 42);
  EXPECT_THROW(pool.submit(die).get(), WorkerLostError);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.submit(prepared).get(), 42);
}

TEST_P(ExecutorWorkerSuite, AnInitializerMayTakeDescriptors) {
  auto [here, there] = pipe();
  ProcessPoolExecutor pool = pool_with(
      {.max_workers = 1, .initializer = bind([](Connection line) { line.send(7); }, there)});
  EXPECT_EQ(here.recv<int>(), 7);
}

TEST_P(ExecutorWorkerSuite, AnInitializerThatThrowsBreaksThePool) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .initializer = fail_to_prepare});
  try {
    pool.submit(own_pid).get();
    FAIL() << "a task ran without the initializer";
  } catch (const BrokenPoolError& error) {
    EXPECT_NE(std::string(error.what()).find("no licence"), std::string::npos) << error.what();
  }
}

// --- replacement --------------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, AWorkerRunsSoManyTasksAndNoMore_181) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_tasks_per_child = 3});
  std::vector<int> pids;
  for (int i = 0; i < 9; ++i) pids.push_back(pool.submit(own_pid).get());
  EXPECT_EQ(std::set<int>(pids.begin(), pids.end()).size(), 3U);
  for (std::size_t i = 0; i < 9; i += 3) {
    EXPECT_EQ(pids[i], pids[i + 1]);
    EXPECT_EQ(pids[i], pids[i + 2]);
  }
}

TEST_P(ExecutorWorkerSuite, TheElementsOfAMapCountAsTasks_108) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .max_tasks_per_child = 10});
  std::map<int, int> runs;
  for (const int pid : pool.map([](int) { return own_pid(); }, std::vector<int>(100))) ++runs[pid];
  EXPECT_GE(runs.size(), 10U);
  for (const auto& [pid, count] : runs) EXPECT_LE(count, 10) << pid;
}

TEST_P(ExecutorWorkerSuite, ManyQueuedTasksWithWorkersOfOneTask_109) {
  std::vector<Future<int>> futures;
  {
    ProcessPoolExecutor pool = pool_with({.max_workers = 3, .max_tasks_per_child = 1});
    for (int i = 0; i < 6; ++i) futures.push_back(pool.submit(own_pid));
  }
  std::set<int> pids;
  for (Future<int>& future : futures) pids.insert(future.get());
  EXPECT_EQ(pids.size(), 6U);
}

TEST_P(ExecutorWorkerSuite, AWorkerThatGrowsTooLargeIsReplacedAfterItsTask) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory counts, too";
#endif
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 1, .max_rss_per_child = std::size_t{80} << 20});
  const int before = pool.submit(own_pid).get();
  EXPECT_EQ(pool.submit(own_pid).get(), before);
  pool.submit(take_memory).get();
  EXPECT_NE(pool.submit(own_pid).get(), before);
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(ExecutorWorkerSuite, AnOldWorkerIsReplaced) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_age_per_child = 100ms});
  const int before = pool.submit(own_pid).get();
  await([&] { return pool.submit(own_pid).get() != before; });
  EXPECT_EQ(pool.stats().lost, 0U);
}

// --- their number -------------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, APoolGrowsAndShrinks) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  pool.resize(3);
  auto [here, there] = pipe();
  std::vector<Future<int>> held;
  for (int i = 0; i < 3; ++i) held.push_back(pool.submit(wait_for_word, there));
  await([&] {
    return std::ranges::all_of(held, [](const auto& future) { return future.running(); });
  });
  EXPECT_EQ(pool.stats().workers, 3U);
  pool.resize(1);
  for (int i = 0; i < 3; ++i) here.send(i);
  int sum = 0;
  for (Future<int>& future : held) sum += future.get();
  EXPECT_EQ(sum, 3);
  await([&] { return pool.stats().workers == 1; });
  EXPECT_GT(pool.submit(own_pid).get(), 0);
  pool.resize(2);
  await([&] { return pool.stats().workers == 2; });
  EXPECT_EQ(pool.stats().lost, 0U);
  EXPECT_THROW(pool.resize(0), std::invalid_argument);
}

TEST_P(ExecutorWorkerSuite, ResizingLosesNothing) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2});
  std::vector<Future<int>> futures;
  for (unsigned round = 0; round < 12; ++round) {
    for (int i = 0; i < 200; ++i) futures.push_back(pool.submit(own_pid));
    pool.resize(1 + round % 4);
  }
  for (Future<int>& future : futures) EXPECT_GT(future.get(), 0);
}

TEST_P(ExecutorWorkerSuite, WorkersCanBeEndedWithThePool_185) {
  for (const bool by_kill : {false, true}) {
    ProcessPoolExecutor pool = pool_with({.max_workers = 2});
    auto [here, there] = pipe();
    const auto say_and_wait = [](Connection line) {
      line.send(1);
      for (;;) ::pause();
    };
    Future<void> running = pool.submit(say_and_wait, there);
    Future<void> second = pool.submit(say_and_wait, there);
    std::vector<Future<int>> queued;
    EXPECT_EQ(here.recv<int>() + here.recv<int>(), 2);
    for (int i = 0; i < 5; ++i) queued.push_back(pool.submit(own_pid));
    by_kill ? pool.kill_workers() : pool.terminate_workers();
    try {
      running.get();
      FAIL() << "it went on";
    } catch (const WorkerLostError& lost) {
      EXPECT_EQ(lost.signal(), by_kill ? SIGKILL : SIGTERM);
    }
    EXPECT_THROW(second.get(), WorkerLostError);
    for (Future<int>& future : queued) EXPECT_THROW(future.get(), CancelledError);
    EXPECT_THROW(pool.submit(own_pid), PoolClosedError);
    EXPECT_EQ(pool.stats().workers, 0U);
    pool.kill_workers();  // nobody is left: fine
  }
}

TEST_P(ExecutorWorkerSuite, AWorkerThatIgnoresTheRequestIsKilled) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<void> running = pool.submit(
      [](Connection line) {
        ::signal(SIGTERM, SIG_IGN);
        line.send(1);
        for (;;) ::pause();
      },
      there);
  EXPECT_EQ(here.recv<int>(), 1);
  pool.terminate_workers();
  try {
    running.get();
    FAIL() << "it went on";
  } catch (const WorkerLostError& lost) {
    EXPECT_EQ(lost.signal(), SIGKILL);
  }
}

// --- when to give up ----------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, DeathsWithoutAFinishedTaskBreakThePoolAndNameTheTask_184) {
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 1, .restart = {.restarts = 3, .within = 1h}});
  std::vector<Future<void>> poison;
  for (int i = 0; i < 4; ++i) poison.push_back(pool.submit({.name = "poison"}, die));
  Future<int> behind = pool.submit(own_pid);
  for (Future<void>& future : poison) EXPECT_THROW(future.get(), WorkerLostError);
  try {
    behind.get();
    FAIL() << "the pool goes on";
  } catch (const BrokenPoolError& error) {
    EXPECT_NE(std::string(error.what()).find("poison"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("PoolOptions::restart"), std::string::npos);
  }
}

TEST_P(ExecutorWorkerSuite, AFinishedTaskBetweenDeathsKeepsThePoolWhole) {
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 1, .restart = {.restarts = 1, .within = 1h}});
  for (int i = 0; i < 4; ++i) {
    EXPECT_THROW(pool.submit(die).get(), WorkerLostError);
    EXPECT_GT(pool.submit(own_pid).get(), 0);
  }
}

TEST_P(ExecutorWorkerSuite, DeathsFarApartKeepThePoolWhole) {
  ProcessPoolExecutor pool =
      pool_with({.max_workers = 1, .restart = {.restarts = 1, .within = 0s}});
  for (int i = 0; i < 4; ++i) EXPECT_THROW(pool.submit(die).get(), WorkerLostError);
  EXPECT_GT(pool.submit(own_pid).get(), 0);
}

// --- what is told -------------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, EventsTellTheLifeOfEachWorker) {
  std::mutex mutex;
  std::vector<WorkerEvent> events;
  const auto count = [&](WorkerEvent::Kind kind) {
    const std::lock_guard guard(mutex);
    return std::ranges::count(events, kind, &WorkerEvent::kind);
  };
  {
    ProcessPoolExecutor pool = pool_with({.max_workers = 1,
                                          .max_tasks_per_child = 2,
                                          .on_worker_event = [&](const WorkerEvent& event) {
                                            const std::lock_guard guard(mutex);
                                            events.push_back(event);
                                          }});
    const int first = pool.submit(own_pid).get();
    EXPECT_THROW(pool.submit(die).get(), WorkerLostError);
    await([&] { return count(WorkerEvent::Kind::lost) == 1; });
    {
      const std::lock_guard guard(mutex);
      EXPECT_EQ(events[0].kind, WorkerEvent::Kind::started);
      EXPECT_EQ(events[1].kind, WorkerEvent::Kind::ready);
      EXPECT_EQ(events[2].kind, WorkerEvent::Kind::lost);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(events[i].pid, first);
      EXPECT_EQ(events[2].signal, SIGKILL);
    }
    pool.submit(own_pid).get();
    pool.submit(own_pid).get();
    await([&] { return count(WorkerEvent::Kind::recycled) == 1; });
  }
  await([&] { return count(WorkerEvent::Kind::ended) == 1; });
  EXPECT_EQ(count(WorkerEvent::Kind::started), 3);
}

TEST_P(ExecutorWorkerSuite, AnEventTellsOfABrokenPool) {
  std::mutex mutex;
  std::string message;
  ProcessPoolExecutor pool = pool_with({.max_workers = 1,
                                        .initializer = fail_to_prepare,
                                        .on_worker_event = [&](const WorkerEvent& event) {
                                          const std::lock_guard guard(mutex);
                                          if (event.kind == WorkerEvent::Kind::broken) {
                                            message = event.message;
                                          }
                                        }});
  await([&] {
    const std::lock_guard guard(mutex);
    return message.find("no licence") != std::string::npos;
  });
}

TEST_P(ExecutorWorkerSuite, TheEndOfEachWorkerIsToldBeforeThePoolIsGone) {
  constexpr int kPools = 10;
  int ended = 0;  // without a lock: it is told before the destructor returns
  for (int i = 0; i < kPools; ++i) {
    ProcessPoolExecutor pool = pool_with({.max_workers = 1,
                                          .on_worker_event = [&](const WorkerEvent& event) {
                                            for (int n = 0; n < 1000; ++n) std::this_thread::yield();
                                            if (event.kind == WorkerEvent::Kind::ended) ++ended;
                                          }});
    pool.submit(own_pid).get();
    pool.shutdown();
    EXPECT_EQ(ended, i + 1);
  }
}

// --- what a task knows --------------------------------------------------------------------------

TEST_P(ExecutorWorkerSuite, ATaskKnowsItself) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  EXPECT_EQ(pool.submit({.name = "Ernst"}, [] { return this_task::name(); }).get(), "Ernst");
  EXPECT_NE(pool.submit(own_pid).get(), 0);
  const std::string plain = pool.submit(+[] { return this_task::name(); }).get();
  EXPECT_FALSE(plain.empty());
  EXPECT_NE(plain, "Ernst");
  const std::string stateless = pool.submit([] { return this_task::name(); }).get();
  EXPECT_NE(stateless.find("ambda"), std::string::npos) << stateless;
  EXPECT_EQ(pool.submit([] { return this_task::attempt(); }).get(), 1U);
  const auto first = pool.submit([] { return this_task::id(); }).get();
  EXPECT_NE(pool.submit([] { return this_task::id(); }).get(), first);
  EXPECT_EQ(pool.submit([] { return this_worker::index(); }).get(), 0U);
}

TEST_P(ExecutorWorkerSuite, ALongNameIsCutAndLargeArgumentsKeepTheirs) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  const std::string name(1000, 'x');
  EXPECT_EQ(pool.submit({.name = name}, [] { return this_task::name().size(); }).get(), 255U);
  const std::vector<int> large(1 << 20, 1);
  const auto sum = [](const std::vector<int>& values) {
    return this_task::name() + std::to_string(std::accumulate(values.begin(), values.end(), 0));
  };
  EXPECT_EQ(pool.submit({.name = "sum "}, sum, large).get(), "sum 1048576");
}

TEST_P(ExecutorWorkerSuite, TheIdOutlivesAnAttempt) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<void> future = pool.submit({.retries = 1},
                                    [](Connection line) {
                                      line.send(this_task::id());
                                      if (this_task::attempt() == 1) die();
                                    },
                                    there);
  future.get();
  const auto first = here.recv<std::uint64_t>();
  EXPECT_EQ(here.recv<std::uint64_t>(), first);
}

TEST_P(ExecutorWorkerSuite, ATaskTellsHowFarItIs) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<int> future = pool.submit(
      [](Connection line) {
        this_task::report(0.25);
        line.send(1);
        return line.recv<int>();
      },
      there);
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_EQ(future.progress(), 0.25);
  here.send(1);
  EXPECT_EQ(future.get(), 1);
  EXPECT_EQ(future.progress(), 1.0);
  Future<int> next = pool.submit(wait_for_word, there);
  await([&] { return next.running(); });
  EXPECT_EQ(next.progress(), std::nullopt);
  here.send(1);
}

TEST(ThisTaskTest, OutsideOfAWorkerNothingIsKnown) {
  EXPECT_EQ(this_task::name(), "");
  EXPECT_EQ(this_task::id(), 0U);
  EXPECT_EQ(this_task::attempt(), 0U);
  EXPECT_FALSE(this_task::stop_requested());
  this_task::report(0.5);
  EXPECT_FALSE(this_worker::is_worker());
  EXPECT_THROW(this_worker::index(), std::logic_error);
  EXPECT_THROW(worker_local<int>(), std::logic_error);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorWorkerSuite);

}  // namespace
}  // namespace shoal::test
