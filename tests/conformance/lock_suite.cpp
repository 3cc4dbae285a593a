// SPDX-License-Identifier: Apache-2.0
// What locks promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/lock.hpp>
#include <shoal/queue.hpp>
#include <stdexcept>
#include <thread>

#include "conformance/parties.hpp"
#include "support/forked_copy.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

void pause_for_ever() {
  for (;;) ::pause();
}

// Takes the lock, says so, and never gives it back.
void hold(const Lock& lock, const Event& is_held) {
  lock.lock();
  is_held.set();
  pause_for_ever();
}

class LockSuite : public PartySuite {};

TEST_P(LockSuite, IsTakenOnceAndFreedOnce_45) {
  const Lock lock;
  lock.lock();
  Party other = start([](const Lock& same) { ASSERT_FALSE(same.try_lock()); }, lock);
  EXPECT_TRUE(other.join());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_THROW(lock.unlock(), Error);
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST_P(LockSuite, OfAThreadMayBeTakenAgainByIt_46) {
  const RLock lock;
  const Queue<bool> answers;
  for (int i = 0; i < 3; ++i) lock.lock();
  const auto look = [](const RLock& same, const Queue<bool>& out) {
    const bool is_free = same.try_lock();
    if (is_free) same.unlock();
    out.put(is_free);
  };
  for (int i = 0; i < 3; ++i) {
    Party other = start(look, lock, answers);
    EXPECT_FALSE(answers.get()) << i;
    EXPECT_TRUE(other.join());
    lock.unlock();
  }
  EXPECT_THROW(lock.unlock(), Error);
  Party other = start(look, lock, answers);
  EXPECT_TRUE(answers.get());
  EXPECT_TRUE(other.join());
}

TEST_P(LockSuite, IsWhatGuardsOfTheStandardTake_47) {
  Lock lock;
  RLock rlock;
  {
    const std::scoped_lock guard(lock, rlock);
    EXPECT_FALSE(lock.try_lock());
  }
  std::unique_lock guard(lock, 10ms);
  EXPECT_TRUE(guard.owns_lock());
  std::unique_lock second(lock, std::defer_lock);
  EXPECT_FALSE(second.try_lock_until(std::chrono::system_clock::now() + 10ms));
  guard.unlock();
  EXPECT_TRUE(second.try_lock_until(std::chrono::steady_clock::now() + 1h));
}

TEST_P(LockSuite, AWaitEndsAfterItsTime) {
  const Lock lock;
  const RLock rlock;
  lock.lock();
  rlock.lock();
  Party other = start(
      [](const Lock& held, const RLock& also_held) {
        const auto start = std::chrono::steady_clock::now();
        ASSERT_FALSE(held.try_lock_for(60ms));
        ASSERT_FALSE(also_held.try_lock_for(60ms));
        ASSERT_FALSE(held.try_lock_for(-1s));
        ASSERT_GE(std::chrono::steady_clock::now() - start, 120ms);
      },
      lock, rlock);
  EXPECT_TRUE(other.join());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_for(0s));
}

TEST_P(LockSuite, OneOfManyIsInside) {
  const Lock lock;
  const Queue<int> inside(4);
  const auto work = [](const Lock& same, const Queue<int>& one) {
    for (int i = 0; i < 2'000; ++i) {
      const std::lock_guard guard(same);
      one.put(1);
      if (one.qsize() != 1) throw std::logic_error("two are inside");
      one.get();
    }
  };
  Party first = start(work, lock, inside);
  Party second = start(work, lock, inside);
  work(lock, inside);
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
}

TEST_P(LockSuite, MayBeFreedByAnother) {
  const Lock lock;
  lock.lock();
  EXPECT_TRUE(start([](const Lock& same) { same.unlock(); }, lock).join());
  EXPECT_TRUE(lock.try_lock());
}

TEST_P(LockSuite, WhoNeverPausesStarvesNobody) {
  const Lock lock;
  const Event is_over;
  Party greedy = start(
      [](const Lock& same, const Event& end) {
        while (!end.is_set()) const std::lock_guard guard(same);
      },
      lock, is_over);
  for (int i = 0; i < 50; ++i) const std::lock_guard guard(lock);
  is_over.set();
  EXPECT_TRUE(greedy.join());
}

TEST_P(LockSuite, NothingIsRecoveredWhileItsOwnerLives) {
  const Lock lock;
  EXPECT_FALSE(lock.recover());
  lock.lock();
  EXPECT_TRUE(start([](const Lock& same) { ASSERT_THROW(same.recover(), Error); }, lock).join());
  lock.unlock();
}

SHOAL_FOR_EACH_HOME(LockSuite);

class LockDeathSuite : public ProcessPartySuite {
 protected:
  // The lock of an owner that was killed.
  void kill_owner(const Lock& lock) {
    const Event is_held;
    Party owner = start(hold, lock, is_held);
    is_held.wait();
    owner.process().kill();
  }
};

TEST_P(LockDeathSuite, TheNextIsToldUntilSomebodyRecovers) {
  const Lock lock;
  kill_owner(lock);
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  EXPECT_THROW(lock.try_lock(), OwnerDiedError);
  EXPECT_THROW(lock.unlock(), Error);
  EXPECT_TRUE(lock.recover());
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST_P(LockDeathSuite, WhoWaitsIsTold) {
  const Lock lock;
  const Event is_held, waits;
  Party owner = start(hold, lock, is_held);
  is_held.wait();
  Party waiter = start(
      [](const Lock& same, const Event& is_there) {
        is_there.set();
        ASSERT_THROW(same.lock(), OwnerDiedError);
      },
      lock, waits);
  waits.wait();
  owner.process().kill();
  EXPECT_TRUE(waiter.join());
}

TEST_P(LockDeathSuite, ARepairHoldsTheLock) {
  const Lock lock;
  kill_owner(lock);
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  EXPECT_THROW(lock.recover([] { throw std::runtime_error("not mended"); }), std::runtime_error);
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  EXPECT_TRUE(lock.recover([&] { EXPECT_FALSE(lock.try_lock()); }));
  EXPECT_FALSE(lock.recover([] { FAIL() << "there is nothing to mend"; }));
  EXPECT_TRUE(lock.try_lock());
}

TEST_P(LockDeathSuite, ADeathDuringTheRepairIsAnother) {
  const Lock lock;
  kill_owner(lock);
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  Party repairer =
      start([](const Lock& same) { same.recover([] { ::kill(::getpid(), SIGKILL); }); }, lock);
  repairer.join();
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  EXPECT_TRUE(lock.recover());
}

TEST_P(LockDeathSuite, ALockMayBeTakenOverSilently) {
  const Lock lock(OnOwnerDeath::acquire);
  kill_owner(lock);
  lock.lock();
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
}

TEST_P(LockDeathSuite, AnOwnerThatHasItManyTimesDiesOnce) {
  const RLock lock;
  const Event is_held;
  Party owner = start(
      [](const RLock& same, const Event& held) {
        for (int i = 0; i < 5; ++i) same.lock();
        held.set();
        pause_for_ever();
      },
      lock, is_held);
  is_held.wait();
  EXPECT_THROW(lock.recover(), Error);
  owner.process().kill();
  EXPECT_THROW(lock.lock(), OwnerDiedError);
  EXPECT_TRUE(lock.recover([&] { lock.lock(), lock.unlock(); }));
  lock.lock();
  lock.unlock();
}

TEST_P(LockDeathSuite, WhoEndsWithItLeavesItAsOneWhoDied) {
  const Lock lock;
  EXPECT_TRUE(start([](const Lock& same) { same.lock(); }, lock).join());
  EXPECT_THROW(lock.lock(), OwnerDiedError);
}

TEST_P(LockDeathSuite, WhoBecomesAnotherProgramHasDied) {
  const Lock lock;
  Party owner = start(
      [](const Lock& same) {
        same.lock();
        ::execl("/bin/sleep", "sleep", "1000", static_cast<char*>(nullptr));
      },
      lock);
  const Lock* const waited = &lock;
  while (true) {
    try {
      if (waited->try_lock_for(1ms)) waited->unlock();  // it has not come to it yet
    } catch (const OwnerDiedError&) {
      break;
    }
  }
  EXPECT_TRUE(owner.process().is_alive());
}

TEST_P(LockDeathSuite, AStoppedWaiterKeepsNobodyFromIt) {
  const Lock lock;
  const Event waits;
  lock.lock();
  Party waiter = start(
      [](const Lock& same, const Event& is_there) {
        is_there.set();
        const std::lock_guard guard(same);
      },
      lock, waits);
  waits.wait();
  ::kill(waiter.process().pid(), SIGSTOP);
  lock.unlock();
  Party other = start([](const Lock& same) { const std::lock_guard guard(same); }, lock);
  EXPECT_TRUE(other.join());
  ::kill(waiter.process().pid(), SIGCONT);
  EXPECT_TRUE(waiter.join());
}

TEST_P(LockDeathSuite, TheDeathOfItsMakerIsTold) {
  const auto [here, there] = pipe();
  Party maker = start(
      [](const Connection& out) {
        const Lock made;
        made.lock();
        out.send(made);
        pause_for_ever();
      },
      there);
  const Lock lock = here.recv<Lock>();
  maker.process().kill();
  EXPECT_THROW(lock.lock(), OwnerDiedError);
}

TEST_P(LockDeathSuite, ACopyByForkIsRefused) {
  const Lock lock;
  EXPECT_TRUE(is_closed_in_forked_copy([&] { lock.lock(); }));
}

SHOAL_FOR_EACH_PROCESS_HOME(LockDeathSuite);

TEST(LockTest, AThreadThatEndsLeavesItLocked) {
  const Lock lock;
  std::thread([&] { lock.lock(); }).join();
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
}

TEST(LockTest, AThreadsLockIsNoOtherThreads) {
  const RLock lock;
  lock.lock();
  std::thread([&] { EXPECT_THROW(lock.unlock(), Error); }).join();
  lock.unlock();
}

TEST(LockTest, OfAnotherKindIsRefused) {
  Writer writer;
  writer.put(Lock());
  Reader as_other(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_other.get<RLock>(), CodecError);
  Reader as_event(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_event.get<Event>(), CodecError);
}

TEST(LockTest, ComesFromAContextToo) {
  const Context context = get_context(StartMethod::spawn);
  EXPECT_TRUE(context.lock().try_lock());
  EXPECT_TRUE(context.rlock().try_lock());
}

}  // namespace
}  // namespace shoal::test
