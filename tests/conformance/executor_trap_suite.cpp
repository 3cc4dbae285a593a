// SPDX-License-Identifier: Apache-2.0
// What strikes while a value is written or read, or while the task runs: whose harm it is. Numbers
// at the ends of names: tests/README.md, "Behaviours".

#include <signal.h>
#include <sys/wait.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/running_program.hpp"
#include "programs/trap.hpp"

namespace shoal::test {
namespace {

int square(int n) { return n * n; }

std::string fate_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::domain_error& error) {
    return error.what();
  } catch (const WorkerLostError& lost) {
    return lost.signal() ? "signal " + std::to_string(*lost.signal())
                         : "status " + std::to_string(lost.exit_status().value_or(-1));
  }
  return "nothing";
}

// What a worker's task comes to.
std::string expected_fate(Harm harm) {
  return harm == Harm::error  ? "sprung"
         : harm == Harm::exit ? "status " + std::to_string(kTrapStatus)
                              : "signal " + std::to_string(SIGSEGV);
}

class ExecutorTrapSuite : public ExecutorSuite {
 protected:
  // `strike` must end as said, and the pool go on and end.
  static void expect_fate(const std::function<void(ProcessPoolExecutor&)>& strike,
                          const std::string& fate) {
    ProcessPoolExecutor pool = make_pool(1);
    EXPECT_EQ(fate_of([&] { strike(pool); }), fate);
    EXPECT_EQ(pool.submit(square, 5).get(), 25);
    pool.shutdown();
  }
};

TEST_P(ExecutorTrapSuite, ArgumentThatCannotBeWrittenIsTheCallersError_186) {
  expect_fate(
      [](ProcessPoolExecutor& pool) {
        try {
          pool.submit(look_at, Trap{Harm::error, Moment::writing});
        } catch (...) {
          EXPECT_EQ(pool.stats().queued + pool.stats().running, 0U);
          throw;
        }
      },
      "sprung");
}

TEST_P(ExecutorTrapSuite, ArgumentThatCannotBeReadCostsItsTask_186) {
  for (const Harm harm : kHarms) {
    expect_fate(
        [harm](ProcessPoolExecutor& pool) {
          pool.submit(look_at, Trap{harm, Moment::reading}).get();
        },
        expected_fate(harm));
  }
}

TEST_P(ExecutorTrapSuite, HarmWhileItRunsCostsTheTask_186) {
  for (const Harm harm : kHarms) {
    expect_fate([harm](ProcessPoolExecutor& pool) { pool.submit(strike, harm).get(); },
                expected_fate(harm));
  }
}

TEST_P(ExecutorTrapSuite, ResultThatCannotBeWrittenCostsItsTask_186) {
  for (const Harm harm : kHarms) {
    expect_fate(
        [harm](ProcessPoolExecutor& pool) { pool.submit(set_trap, harm, Moment::writing).get(); },
        expected_fate(harm));
  }
}

TEST_P(ExecutorTrapSuite, ResultThatCannotBeReadIsTheCallersError_186) {
  expect_fate(
      [](ProcessPoolExecutor& pool) { pool.submit(set_trap, Harm::error, Moment::reading).get(); },
      "sprung");
}

TEST_P(ExecutorTrapSuite, HarmInAMapCostsItsElement_186) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Trap> traps;
  for (std::size_t i = 0; i < 30; ++i) traps.push_back({kHarms[i % 3], Moment::reading});
  auto results = pool.map(look_at, traps);
  std::size_t i = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++i) {
    EXPECT_EQ(fate_of([&] { *at; }), expected_fate(kHarms[i % 3])) << i;
  }
  EXPECT_EQ(i, traps.size());
}

// The caller's own codec runs in the caller: what it does there, it does to the whole program,
// which then ends as it would without a pool, and its workers with it.
TEST_P(ExecutorTrapSuite, HarmInTheCallersCodecEndsTheCallerAndItsWorkers_186) {
  for (const std::string moment : {"writing", "reading"}) {
    RunningProgram exiting("trapped_host", {"exit", moment, name_of(GetParam())});
    EXPECT_EQ(exiting.all(), "");  // to the end of whoever could write
    EXPECT_EQ(WEXITSTATUS(exiting.wait()), kTrapStatus);
    RunningProgram crashing("trapped_host", {"crash", moment, name_of(GetParam())});
    EXPECT_EQ(crashing.all(), "");
    EXPECT_EQ(WTERMSIG(crashing.wait()), SIGSEGV);
  }
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorTrapSuite);

}  // namespace shoal::test
