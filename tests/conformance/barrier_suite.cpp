// SPDX-License-Identifier: Apache-2.0
// What barriers promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <shoal/barrier.hpp>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/queue.hpp>
#include <shoal/semaphore.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr int kParties = 5;

// In each step, each party puts the number of the step before the barrier; whoever comes through it
// finds that all have.
void walk(const Barrier& barrier, const Semaphore& steps, int count) {
  for (int step = 1; step <= count; ++step) {
    steps.release();
    barrier.arrive_and_wait();
    if (steps.value() != static_cast<unsigned>(kParties * step)) {
      throw std::logic_error("not all are there");
    }
    barrier.arrive_and_wait();
  }
}

void wait_and_tell(const Barrier& barrier, const Queue<int>& out) {
  try {
    out.put(static_cast<int>(barrier.arrive_and_wait()));
  } catch (const BrokenBarrierError&) {
    out.put(-1);
  }
}

class BarrierSuite : public PartySuite {
 protected:
  // The parties but for one, which is the test.
  template <class F, class... Args>
  std::vector<Party> start_others(F fn, const Args&... args) {
    std::vector<Party> others;
    for (int i = 1; i < kParties; ++i) others.push_back(start(fn, args...));
    return others;
  }
  static void join_all(std::vector<Party>& parties) {
    for (Party& party : parties) EXPECT_TRUE(party.join());
  }
  static void await_waiting(const Barrier& barrier, unsigned count) {
    while (barrier.n_waiting() != count) std::this_thread::yield();
  }
  void walk_together(int steps) {
    const Barrier barrier(kParties);
    const Semaphore counter(0);
    EXPECT_EQ(barrier.parties(), 5U);
    std::vector<Party> others = start_others(walk, barrier, counter, steps);
    walk(barrier, counter, steps);
    join_all(others);
    EXPECT_EQ(barrier.n_waiting(), 0U);
    EXPECT_FALSE(barrier.broken());
  }
};

TEST_P(BarrierSuite, KeepsItsPartiesInStep_59) {
  walk_together(1);
  walk_together(10);
}

TEST_P(BarrierSuite, EachPartyHasANumberOfItsOwn_60) {
  const Barrier barrier(kParties);
  const Queue<int> numbers;
  std::vector<Party> others = start_others(wait_and_tell, barrier, numbers);
  wait_and_tell(barrier, numbers);
  std::set<int> seen;
  for (int i = 0; i < kParties; ++i) seen.insert(numbers.get());
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4}));
  join_all(others);
}

void count(const Semaphore& calls) { calls.release(); }

TEST_P(BarrierSuite, TheActionIsCalledOnceEachTime_61) {
  const Semaphore calls(0);
  const Barrier barrier(kParties, bind(count, calls));
  const auto pass = [](const Barrier& same, const Semaphore& called) {
    for (unsigned i = 1; i <= 3; ++i) {
      same.arrive_and_wait();
      if (called.value() < i) throw std::logic_error("gone on before the action");
    }
  };
  std::vector<Party> others = start_others(pass, barrier, calls);
  pass(barrier, calls);
  join_all(others);
  EXPECT_EQ(calls.value(), 3U);
}

TEST_P(BarrierSuite, AnAbortBreaksItForAll_62) {
  const Barrier barrier(kParties);
  const Queue<int> ends;
  std::vector<Party> others = start_others(wait_and_tell, barrier, ends);
  await_waiting(barrier, kParties - 1);
  barrier.abort();
  for (int i = 1; i < kParties; ++i) EXPECT_EQ(ends.get(), -1);
  join_all(others);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.arrive_and_wait(), BrokenBarrierError);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

TEST_P(BarrierSuite, AResetFreesWhoWaits_63) {
  const Barrier barrier(kParties);
  const Queue<int> ends;
  std::vector<Party> others = start_others(wait_and_tell, barrier, ends);
  await_waiting(barrier, kParties - 1);
  barrier.reset();
  for (int i = 1; i < kParties; ++i) EXPECT_EQ(ends.get(), -1);
  join_all(others);
  EXPECT_FALSE(barrier.broken());
  others = start_others(wait_and_tell, barrier, ends);
  barrier.arrive_and_wait();
  for (int i = 1; i < kParties; ++i) EXPECT_GE(ends.get(), 0);
  join_all(others);
}

TEST_P(BarrierSuite, AfterAbortAndResetItIsAsNew_64) {
  const Barrier barrier(kParties);
  const Semaphore counter(0);
  barrier.abort();
  barrier.reset();
  std::vector<Party> others = start_others(walk, barrier, counter, 3);
  walk(barrier, counter, 3);
  join_all(others);
}

TEST_P(BarrierSuite, ALatePartyBreaksIt_65) {
  const Barrier barrier(kParties);
  const Queue<int> ends;
  std::vector<Party> others;
  for (int i = 2; i < kParties; ++i) others.push_back(start(wait_and_tell, barrier, ends));
  await_waiting(barrier, kParties - 2);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THROW(barrier.wait_for(50ms), BrokenBarrierError);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 50ms);
  EXPECT_TRUE(barrier.broken());
  for (int i = 2; i < kParties; ++i) EXPECT_EQ(ends.get(), -1);
  join_all(others);
}

TEST_P(BarrierSuite, HasATimeOutOfItsOwn_66) {
  const Barrier barrier(kParties, {}, 50ms);
  const Queue<int> ends;
  Party other = start(wait_and_tell, barrier, ends);
  EXPECT_EQ(ends.get(), -1);
  EXPECT_TRUE(other.join());
  EXPECT_TRUE(barrier.broken());
}

TEST_P(BarrierSuite, OfOnePartyIsPassedAtOnce_67) {
  const Barrier barrier(1);
  EXPECT_TRUE(start([](const Barrier& same) { same.arrive_and_wait(); }, barrier).join());
  EXPECT_EQ(barrier.arrive_and_wait(), 0U);
  EXPECT_EQ(barrier.wait_for(0s), 0U);
}

TEST_P(BarrierSuite, AThousandStepsAreOneAfterTheOther_68) { walk_together(500); }

void fail_once(const Semaphore& budget) {
  if (budget.try_acquire()) throw std::domain_error("the action failed");
}

TEST_P(BarrierSuite, AnActionThatThrowsBreaksIt) {
  const Semaphore budget(1);
  const Barrier barrier(2, bind(fail_once, budget));
  const Queue<int> ends;
  Party other = start(wait_and_tell, barrier, ends);
  await_waiting(barrier, 1);
  EXPECT_THROW(barrier.arrive_and_wait(), std::domain_error);
  EXPECT_EQ(ends.get(), -1);
  EXPECT_TRUE(other.join());
  barrier.reset();
  Party another = start(wait_and_tell, barrier, ends);
  barrier.arrive_and_wait();
  EXPECT_TRUE(another.join());
}

SHOAL_FOR_EACH_HOME(BarrierSuite);

class BarrierDeathSuite : public ProcessPartySuite {};

TEST_P(BarrierDeathSuite, APartyThatIsKilledInsideBreaksIt) {
  const Barrier barrier(3);
  const Queue<int> ends;
  Party doomed = start(wait_and_tell, barrier, ends);
  Party other = start(wait_and_tell, barrier, ends);
  while (barrier.n_waiting() != 2) std::this_thread::yield();
  doomed.process().kill();
  EXPECT_EQ(ends.get(), -1);
  EXPECT_TRUE(other.join());
  EXPECT_THROW(barrier.arrive_and_wait(), BrokenBarrierError);
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
}

TEST_P(BarrierDeathSuite, APartyThatIsKilledInTheActionBreaksIt) {
  const Barrier barrier(2, [] { ::kill(::getpid(), SIGKILL); });
  const Queue<int> ends;
  Party doomed = start(
      [](const Barrier& same, const Queue<int>& out) {
        while (same.n_waiting() != 1) std::this_thread::yield();
        wait_and_tell(same, out);
      },
      barrier, ends);
  EXPECT_THROW(barrier.arrive_and_wait(), BrokenBarrierError);
}

TEST_P(BarrierDeathSuite, OneThatIsKilledElsewhereIsNotMissed) {
  const Barrier barrier(2);
  const Queue<int> ends;
  Party passer = start(
      [](const Barrier& same) {
        same.arrive_and_wait();
        ::kill(::getpid(), SIGKILL);
      },
      barrier);
  barrier.arrive_and_wait();
  passer.process().join();
  Party other = start(wait_and_tell, barrier, ends);
  barrier.arrive_and_wait();
  EXPECT_GE(ends.get(), 0);
  EXPECT_TRUE(other.join());
}

bool is_refused_from(const Queue<Barrier>& from) {
  try {
    from.get();
  } catch (const CodecError&) {
    return true;
  }
  return false;
}

TEST_P(BarrierDeathSuite, AnActionIsTakenFromTheParentAlone) {
  const Queue<Barrier> queue;
  const Queue<bool> verdict;
  queue.put(Barrier(1, [] {}));
  queue.put(Barrier(1));
  Party child = start(
      [](const Queue<Barrier>& from, const Queue<bool>& to) {
        to.put(is_refused_from(from));
        to.put(is_refused_from(from));
      },
      queue, verdict);
  EXPECT_TRUE(verdict.get());
  EXPECT_FALSE(verdict.get());
  EXPECT_TRUE(child.join());
}

SHOAL_FOR_EACH_PROCESS_HOME(BarrierDeathSuite);

TEST(BarrierTest, AnAbsurdNumberOfPartiesIsRefused) {
  EXPECT_THROW(Barrier(0), std::invalid_argument);
  EXPECT_THROW(Barrier(Barrier::kMostParties + 1), std::invalid_argument);
}

}  // namespace
}  // namespace shoal::test
