// SPDX-License-Identifier: Apache-2.0
// What CPython's own suite asks of executors, where the other suites do not ask it already. The
// number at the end of a name: tests/README.md, "Behaviours".

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/process_suite.hpp"
#include "conformance/running_program.hpp"
#include "programs/trap.hpp"

namespace shoal::test {
namespace {

class ExecutorBehaviourSuite : public ExecutorSuite {};

constexpr std::size_t kMoreThanAPipeHolds = 1 << 20;

int square(int n) { return n * n; }
int own_pid() { return ::getpid(); }
int own_parent() { return ::getppid(); }
std::size_t die_with(const std::string& text) {
  ::raise(SIGKILL);
  return text.size();
}

// A pipe that tasks wait at until it is opened for so many of them.
class Barrier {
 public:
  Barrier() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::bad_alloc();
    exit_.reset(ends[0]);
    entry_.reset(ends[1]);
  }
  const UniqueFd& exit() const { return exit_; }
  void let_pass(std::size_t tasks) const { say(entry_, std::string(tasks, '.')); }

 private:
  UniqueFd exit_;
  UniqueFd entry_;
};

void pass(const UniqueFd& barrier) {
  char ticket = '\0';
  if (::read(barrier.get(), &ticket, 1) != 1) ::_exit(98);
}
void pass_slowly(const UniqueFd& barrier) {
  pass(barrier);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST_P(ExecutorBehaviourSuite, WorkersAreStartedByTheMethodOfThePoolsContext) {
  ProcessPoolExecutor pool = make_pool(1);
  const int starter = pool.submit(own_parent).get();
  const std::string name = starter == ::getpid() ? "the host" : comm_of(starter);
  EXPECT_EQ(name, GetParam() == StartMethod::fork    ? "shoal-parked"
                  : GetParam() == StartMethod::spawn ? "the host"
                                                     : "shoal-server");
}

TEST_P(ExecutorBehaviourSuite, ATaskThatMayNotRunTwiceIsLostWithItsWorker) {
  ProcessPoolExecutor pool{
      {.max_workers = 1, .context = get_context(GetParam()), .on_crash = CrashPolicy::fail_task()}};
  Answer starts;
  Future<void> lost = pool.submit(
      [](const UniqueFd& mouth) {
        say(mouth, "s");
        ::raise(SIGKILL);
      },
      starts.mouth().duplicate());
  EXPECT_THROW(lost.get(), WorkerLostError);
  EXPECT_EQ(starts.all(), "s");
}

TEST_P(ExecutorBehaviourSuite, ShutdownWaitsForTheTasksUnlessToldNotTo) {
  for (const bool waits : {true, false}) {
    ProcessPoolExecutor pool = make_pool(1);
    const Barrier barrier;
    Future<void> future = pool.submit(pass_slowly, barrier.exit().duplicate());
    if (waits) barrier.let_pass(1);
    pool.shutdown({.wait = waits});
    EXPECT_EQ(future.done(), waits);
    if (!waits) barrier.let_pass(1);
  }
}

// Lowers the limit of descriptors to `room` more than are open, while it lives.
class ShortageOfDescriptors {
 public:
  explicit ShortageOfDescriptors(rlim_t room) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd lowest_free(::dup(STDERR_FILENO));
    const rlimit narrow{static_cast<rlim_t>(lowest_free.get()) + room, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &narrow);
  }
  ~ShortageOfDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

template <class E>
std::string describe(const E& error) {
  try {
    throw error;
  } catch (const std::exception& caught) {
    return caught.what();
  }
}

TEST_P(ExecutorBehaviourSuite, APoolThatCannotStartAllItsWorkersLeavesNone_112) {
  // A sanitizer that meets a type for the first time needs descriptors to look at it: show them.
  EXPECT_EQ(describe(StartError("shown")) + describe(ResourceError("shown")), "shownshown");
  make_pool(1).submit(square, 1).get();  // what a process keeps for all its pools is there now
  const LeakGuard guard;
  int failures = 0;
  for (rlim_t room = 0;; ++room) {
    std::optional<ProcessPoolExecutor> pool;
    std::exception_ptr shortage;
    {
      const ShortageOfDescriptors few(room);
      try {
        pool.emplace(make_pool(4));
      } catch (const Error&) {
        shortage = std::current_exception();
      }
    }
    if (shortage == nullptr) {
      EXPECT_EQ(pool->submit(square, 3).get(), 9);
      break;
    }
    ++failures;
    EXPECT_TRUE(active_children().empty());
  }
  EXPECT_GT(failures, 0);
}

TEST_P(ExecutorBehaviourSuite, ShutdownRightAfterTheLastSubmitLosesNothing_169) {
  for (int round = 0; round < 20; ++round) {
    ProcessPoolExecutor pool = make_pool(2);
    std::vector<Future<int>> futures;
    for (int n = 0; n < 3; ++n) futures.push_back(pool.submit(square, n));  // one more than workers
    pool.shutdown({.wait = round % 2 == 0});
    for (int n = 0; n < 3; ++n) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
  }
}

TEST_P(ExecutorBehaviourSuite, SubmitAndCancelDoNotHoldUpTheShutdown_174) {
  for (int round = 0; round < 10; ++round) {
    ProcessPoolExecutor pool = make_pool(1);
    Future<int> first = pool.submit(square, 2);
    Future<int> second = pool.submit(square, 3);
    const bool was_cancelled = second.cancel();
    pool.shutdown({.wait = true});
    EXPECT_EQ(first.get(), 4);
    EXPECT_EQ(second.cancelled(), was_cancelled);
    if (was_cancelled) {
      EXPECT_THROW(second.get(), CancelledError);
    } else {
      EXPECT_EQ(second.get(), 9);
    }
  }
}

TEST_P(ExecutorBehaviourSuite, AsManyTasksRunAtOnceAsThereAreWorkers_179) {
  constexpr std::size_t kWorkers = 3;
  ProcessPoolExecutor pool = make_pool(kWorkers);
  const Barrier barrier;
  Answer arrivals;
  std::vector<Future<int>> pids;
  for (std::size_t i = 0; i < 15 * kWorkers; ++i) {
    pids.push_back(pool.submit(
        [](const UniqueFd& mouth, const UniqueFd& gate) {
          say(mouth, "r");
          pass(gate);
          return ::getpid();
        },
        arrivals.mouth().duplicate(), barrier.exit().duplicate()));
  }
  for (std::size_t i = 0; i < kWorkers; ++i) EXPECT_EQ(arrivals.next(), 'r');
  EXPECT_EQ(pool.stats().workers, kWorkers);
  EXPECT_EQ(pool.stats().queued, 14 * kWorkers);
  barrier.let_pass(pids.size());
  std::set<int> seen;
  for (Future<int>& pid : pids) seen.insert(pid.get());
  EXPECT_EQ(seen.size(), kWorkers);
}

TEST_P(ExecutorBehaviourSuite, TasksOneAfterTheOtherShareAWorker_180) {
  ProcessPoolExecutor pool = make_pool(4);
  while (pool.stats().idle < 4) std::this_thread::yield();
  const int first = pool.submit(own_pid).get();
  EXPECT_EQ(pool.submit(own_pid).get(), first);
  EXPECT_EQ(pool.submit(own_pid).get(), first);
}

TEST_P(ExecutorBehaviourSuite, WorkersThatAreReplacedHoldNothingUp_182) {
  for (const bool is_ended_early : {false, true}) {
    ProcessPoolExecutor pool{
        {.max_workers = 1, .context = get_context(GetParam()), .max_tasks_per_child = 2}};
    std::vector<Future<int>> futures;
    for (int n = 0; n < 6; ++n) futures.push_back(pool.submit(square, n));
    if (is_ended_early) pool.shutdown({.wait = false});
    for (int n = 0; n < 6; ++n) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n * n);
  }
}

TEST_P(ExecutorBehaviourSuite, ADroppedPoolLeavesNoFutureOpen_183) {
  std::vector<Future<std::size_t>> futures;
  const auto submit_some = [&](ProcessPoolExecutor& pool) {
    futures.push_back(pool.submit(die_with, std::string("x")));
    for (int n = 0; n < 20; ++n) {
      futures.push_back(pool.submit([](const std::string& text) { return text.size(); }, "four"));
    }
  };
  ProcessPoolExecutor overwritten = make_pool(1);
  submit_some(overwritten);
  overwritten = make_pool(1);
  {
    ProcessPoolExecutor closed = make_pool(1);
    submit_some(closed);
    closed.shutdown({.wait = false});
  }
  for (std::size_t i = 0; i < futures.size(); ++i) {
    EXPECT_TRUE(futures[i].done());
    if (i % 21 == 0) {
      EXPECT_THROW(futures[i].get(), WorkerLostError);
    } else {
      EXPECT_EQ(futures[i].get(), 4U);
    }
  }
}

TEST_P(ExecutorBehaviourSuite, ACrashAfterTheShutdownCallCostsOneTask_187) {
  ProcessPoolExecutor pool = make_pool(1);
  const Barrier barrier;
  Future<void> crash = pool.submit(
      [](const UniqueFd& gate) {
        pass(gate);
        ::raise(SIGKILL);
      },
      barrier.exit().duplicate());
  std::vector<Future<int>> behind;
  for (int n = 0; n < 5; ++n) behind.push_back(pool.submit(square, n));
  pool.shutdown({.wait = false});
  barrier.let_pass(1);
  EXPECT_THROW(crash.get(), WorkerLostError);
  for (int n = 0; n < 5; ++n) EXPECT_EQ(behind[static_cast<std::size_t>(n)].get(), n * n);
}

TEST_P(ExecutorBehaviourSuite, ASubmitThatThrewDoesNotHoldUpTheShutdown_188) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit(look_at, Trap{Harm::error, Moment::writing}), std::domain_error);
  pool.shutdown({.wait = false});
  EXPECT_THROW(pool.submit(square, 1), PoolClosedError);
}

TEST_P(ExecutorBehaviourSuite, ACrashWithMoreDataThanAPipeHoldsCostsOneTask_189) {
  ProcessPoolExecutor pool = make_pool(1);
  const std::string large(kMoreThanAPipeHolds, 'x');
  std::vector<Future<std::size_t>> crashes;
  std::vector<Future<std::string>> echoes;
  for (int i = 0; i < 5; ++i) {
    crashes.push_back(pool.submit(die_with, large));
    echoes.push_back(pool.submit([](const std::string& text) { return text; }, large));
  }
  for (Future<std::size_t>& crash : crashes) EXPECT_THROW(crash.get(), WorkerLostError);
  for (Future<std::string>& echo : echoes) EXPECT_EQ(echo.get(), large);
}

TEST_P(ExecutorBehaviourSuite, ManySubmitsWhileNobodyCollectsAreKept_190) {
  constexpr std::size_t kTasks = 10'000;
  ProcessPoolExecutor pool = make_pool(1);
  const Barrier barrier;
  Future<void> first = pool.submit(pass, barrier.exit().duplicate());
  std::vector<Future<int>> futures;
  for (std::size_t n = 0; n < kTasks; ++n) {
    futures.push_back(pool.submit(square, static_cast<int>(n)));
  }
  barrier.let_pass(1);
  first.get();
  for (std::size_t n = 0; n < kTasks; ++n) {
    ASSERT_EQ(futures[n].get(), static_cast<int>(n * n));
  }
}

// ---- the end of the program ----

TEST_P(ExecutorBehaviourSuite, NothingIsTakenAtExitAfterTheShutdown_170) {
  RunningProgram host("exiting_pool_host", {"closed", name_of(GetParam())});
  EXPECT_EQ(host.all(), "refused\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(ExecutorBehaviourSuite, TasksAreFinishedWhenMainReturns_171) {
  RunningProgram host("exiting_pool_host", {"return", name_of(GetParam())});
  EXPECT_EQ(host.all(), "apple\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(ExecutorBehaviourSuite, TasksOfAPoolThatIsNotWaitedForAreFinishedAtExit_175) {
  RunningProgram host("exiting_pool_host", {"no_wait", name_of(GetParam())});
  EXPECT_EQ(host.all(), "apple\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(ExecutorBehaviourSuite, AStaticPoolOfTheOtherFaceTerminatesAtExit_111) {
  RunningProgram host("exiting_pool_host", {"terminated", name_of(GetParam())});
  EXPECT_EQ(host.all(), "apple\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(ExecutorBehaviourSuite, TasksOfAStaticPoolAreFinishedAtExit_175) {
  RunningProgram host("exiting_pool_host", {"static", name_of(GetParam())});
  EXPECT_EQ(host.all(), "apple\n");
  EXPECT_EQ(host.wait(), 0);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorBehaviourSuite);

}  // namespace shoal::test
