// SPDX-License-Identifier: Apache-2.0
// What conditions promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <shoal/condition.hpp>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/queue.hpp>
#include <shoal/semaphore.hpp>
#include <vector>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

// What sleepers and who wakes them share.
struct Bed {
  Lock lock;
  Condition condition;
  Semaphore asleep{0};
  Queue<int> woken;
};

// Says that it sleeps while it has the lock: whoever has the lock afterwards finds it waiting.
void sleep_once(const Bed& bed, int self) {
  std::unique_lock<const Lock> guard(bed.lock);
  bed.asleep.release();
  bed.condition.wait(guard);
  bed.woken.put(self);
}

void sleep_for(const Bed& bed, Duration timeout) {
  std::unique_lock<const Lock> guard(bed.lock);
  bed.asleep.release();
  bed.woken.put(bed.condition.wait_for(guard, timeout) ? 1 : 0);
}

class ConditionSuite : public PartySuite {
 protected:
  // Three at home, and three threads of the test; all of them sleep when it returns.
  std::vector<Party> start_sleepers(const Bed& bed) {
    std::vector<Party> sleepers;
    for (int i = 0; i < 3; ++i) sleepers.push_back(start(sleep_once, bed, i));
    for (int i = 3; i < 6; ++i) sleepers.push_back(Party(Home::threads(), sleep_once, bed, i));
    for (int i = 0; i < 6; ++i) bed.asleep.acquire();
    const std::lock_guard guard(bed.lock);
    return sleepers;
  }
  // So many were woken, and no more.
  static void expect_woken(const Bed& bed, int count) {
    for (int i = 0; i < count; ++i) bed.woken.get();
    EXPECT_EQ(bed.woken.get_for(30ms), std::nullopt);
  }
};

TEST_P(ConditionSuite, OneIsNotified_51) {
  const Bed bed;
  std::vector<Party> sleepers = start_sleepers(bed);
  bed.condition.notify_one();
  expect_woken(bed, 1);
  {
    const std::lock_guard guard(bed.lock);
    bed.condition.notify_one();
  }
  expect_woken(bed, 1);
  bed.condition.notify_all();
  for (Party& sleeper : sleepers) EXPECT_TRUE(sleeper.join());
  expect_woken(bed, 4);
}

TEST_P(ConditionSuite, AllAreNotified_52) {
  const Bed bed;
  // Who has left is not counted.
  Party hasty = start(sleep_for, bed, Duration(10ms));
  EXPECT_TRUE(hasty.join());
  EXPECT_EQ(bed.woken.get(), 0);
  bed.asleep.acquire();
  std::vector<Party> sleepers = start_sleepers(bed);
  bed.condition.notify_all();
  for (Party& sleeper : sleepers) EXPECT_TRUE(sleeper.join());
  expect_woken(bed, 6);
}

TEST_P(ConditionSuite, AsManyAreNotifiedAsOneSays_53) {
  const Bed bed;
  std::vector<Party> sleepers = start_sleepers(bed);
  bed.condition.notify(2);
  expect_woken(bed, 2);
  bed.condition.notify(4);
  expect_woken(bed, 4);
  bed.condition.notify(3);
  for (Party& sleeper : sleepers) EXPECT_TRUE(sleeper.join());
  std::unique_lock<const Lock> guard(bed.lock);
  EXPECT_FALSE(bed.condition.wait_for(guard, 1ms));
}

TEST_P(ConditionSuite, AWaitEndsAfterItsTime_54) {
  const Bed bed;
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(start(sleep_for, bed, Duration(60ms)).join());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 60ms);
  EXPECT_EQ(bed.woken.get(), 0);
}

TEST_P(ConditionSuite, AWaitForAFactEndsWhenItIsTrue_55) {
  const Bed bed;
  const Semaphore state(0);
  Party other = start(
      [](const Bed& same, const Semaphore& fact) {
        for (int i = 0; i < 4; ++i) {
          fact.release();
          const std::lock_guard guard(same.lock);
          same.condition.notify_one();
        }
      },
      bed, state);
  std::unique_lock<const Lock> guard(bed.lock);
  bed.condition.wait(guard, [&] { return state.value() >= 2; });
  EXPECT_TRUE(bed.condition.wait_for(guard, forever, [&] { return state.value() == 4; }));
  EXPECT_TRUE(guard.owns_lock());
  guard.unlock();
  EXPECT_TRUE(other.join());
}

TEST_P(ConditionSuite, AWaitForAFactEndsAfterItsTime_56) {
  const Bed bed;
  Party other = start(
      [](const Bed& same) {
        for (int i = 0; i < 3; ++i) {
          same.asleep.acquire();
          const std::lock_guard guard(same.lock);
          same.condition.notify_one();
        }
      },
      bed);
  std::unique_lock<const Lock> guard(bed.lock);
  bed.asleep.release(3);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(bed.condition.wait_for(guard, 100ms, [] { return false; }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 100ms);
  guard.unlock();
  EXPECT_TRUE(other.join());
}

TEST_P(ConditionSuite, AWaitTellsWhetherItWasNotified_57) {
  const Bed bed;
  std::unique_lock<const Lock> guard(bed.lock);
  EXPECT_FALSE(bed.condition.wait_for(guard, 0s));
  guard.unlock();
  Party sleeper = start(sleep_for, bed, forever);
  bed.asleep.acquire();
  guard.lock();
  bed.condition.notify_one();
  guard.unlock();
  EXPECT_TRUE(sleeper.join());
  EXPECT_EQ(bed.woken.get(), 1);
}

TEST_P(ConditionSuite, TakesALockOfAnyKind) {
  const Condition condition;
  const RLock rlock;
  rlock.lock();
  rlock.lock();
  Party notifier = start(
      [](const Condition& same, const RLock& lock) {
        const std::lock_guard guard(lock);
        same.notify_one();
      },
      condition, rlock);
  condition.wait(rlock);  // given up whole, or the other could not have it
  rlock.unlock();
  EXPECT_TRUE(notifier.join());
  RLock same = rlock;
  std::unique_lock<RLock> held(same);
  EXPECT_FALSE(condition.wait_for(held, 1ms));
  EXPECT_TRUE(held.owns_lock());
  held.unlock();
  rlock.unlock();
  EXPECT_THROW(rlock.unlock(), Error);
  const Lock lock;
  EXPECT_THROW(condition.wait(lock), Error);
  EXPECT_THROW(condition.wait(rlock), Error);
  std::mutex mutex;
  std::unique_lock local(mutex);
  EXPECT_FALSE(condition.wait_for(local, 1ms));
  EXPECT_TRUE(local.owns_lock());
}

SHOAL_FOR_EACH_HOME(ConditionSuite);

class ConditionDeathSuite : public ProcessPartySuite {};

TEST_P(ConditionDeathSuite, AKilledWaiterHarmsNobody) {
  const Bed bed;
  Party doomed = start(sleep_once, bed, 1);
  bed.asleep.acquire();
  Party other = start(sleep_once, bed, 2);
  bed.asleep.acquire();
  doomed.process().kill();
  doomed.process().join();
  {
    const std::lock_guard guard(bed.lock);
    bed.condition.notify_one();
  }
  EXPECT_EQ(bed.woken.get(), 2);
  EXPECT_TRUE(other.join());
}

TEST_P(ConditionDeathSuite, WhatWasSaidToOneThatDiedIsSaidToAnother) {
  const Bed bed;
  Party doomed = start(sleep_once, bed, 1);
  bed.asleep.acquire();
  Party other = start(sleep_once, bed, 2);
  bed.asleep.acquire();
  bed.lock.lock();
  bed.condition.notify_one();  // it is for the first, which cannot have the lock yet
  doomed.process().kill();
  doomed.process().join();
  bed.lock.unlock();
  EXPECT_EQ(bed.woken.get(), 2);
  EXPECT_TRUE(other.join());
}

TEST_P(ConditionDeathSuite, AnInterruptEndsAWaiterAlone_57) {
  const Bed bed;
  Party doomed = start(
      [](const Bed& same) {
        ::signal(SIGINT, SIG_DFL);
        sleep_once(same, 1);
      },
      bed);
  bed.asleep.acquire();
  bed.lock.lock();  // it waits: it has given the lock up
  bed.lock.unlock();
  doomed.process().interrupt();
  doomed.process().join();
  EXPECT_EQ(doomed.process().exitcode(), -SIGINT);
  EXPECT_TRUE(bed.lock.try_lock());
  bed.lock.unlock();
}

TEST_P(ConditionDeathSuite, WhoCannotHaveTheLockAgainIsToldAndDoesNotHoldIt) {
  const Bed bed;
  std::unique_lock<const Lock> guard(bed.lock);
  Party notifier = start(
      [](const Bed& same) {
        same.lock.lock();
        same.condition.notify_one();
        ::kill(::getpid(), SIGKILL);
      },
      bed);
  EXPECT_THROW(bed.condition.wait(guard), OwnerDiedError);
  EXPECT_FALSE(guard.owns_lock());
  EXPECT_TRUE(bed.lock.recover());
  guard.lock();
}

SHOAL_FOR_EACH_PROCESS_HOME(ConditionDeathSuite);

TEST(ConditionTest, TheOldestIsNotifiedFirst) {
  const Bed bed;
  std::vector<Party> sleepers;
  for (int i = 0; i < 4; ++i) {
    sleepers.push_back(Party(Home::threads(), sleep_once, bed, i));
    bed.asleep.acquire();
    const std::lock_guard guard(bed.lock);
  }
  for (int i = 0; i < 4; ++i) {
    bed.condition.notify_one();
    EXPECT_EQ(bed.woken.get(), i);
  }
}

}  // namespace
}  // namespace shoal::test
