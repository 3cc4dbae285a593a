// SPDX-License-Identifier: Apache-2.0
#include "sync/lock.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "sync/hardware.hpp"

namespace shoal::sync {
namespace {

using namespace std::chrono_literals;
using TestLock = Lock<Hardware>;

constexpr ParticipantId kAnna = 1, kBert = 2, kLast = kLastParticipant;

void lock(TestLock& lock, ParticipantId me, bool is_impatient = false) {
  TestLock::Waiter waiter{me};
  while (lock.take_or_sleep(waiter, base::Deadline::never()) != Taken::yes) {
    waiter.is_impatient = is_impatient;
  }
}

TEST(LockWordTest, IsTakenByOneAtATime) {
  TestLock word;
  EXPECT_EQ(word.try_take(kAnna), Taken::yes);
  EXPECT_EQ(word.owner(), kAnna);
  EXPECT_EQ(word.try_take(kBert), Taken::no);
  EXPECT_EQ(word.try_take(kAnna), Taken::no);
  EXPECT_TRUE(word.unlock());
  EXPECT_EQ(word.try_take(kLast), Taken::yes);
  EXPECT_EQ(word.owner(), kLast);
}

TEST(LockWordTest, UnlockOfAFreeOneIsRefused) {
  TestLock word;
  EXPECT_FALSE(word.unlock());
}

TEST(LockWordTest, ADeadOwnersLockIsTakenOverOnly) {
  TestLock word;
  word.try_take(kAnna);
  word.recover(kAnna);
  TestLock::Waiter waiter{kBert};
  EXPECT_EQ(word.try_take(kBert), Taken::owner_died);
  EXPECT_EQ(word.take_or_sleep(waiter, base::Deadline::never()), Taken::owner_died);
  EXPECT_FALSE(word.unlock());
  EXPECT_TRUE(word.take_over(kBert));
  EXPECT_FALSE(word.take_over(kAnna));
  EXPECT_TRUE(word.unlock());
  EXPECT_EQ(word.try_take(kAnna), Taken::yes);
}

TEST(LockWordTest, TheDeathOfAnotherChangesNothing) {
  TestLock word;
  word.try_take(kAnna);
  word.recover(kBert);
  EXPECT_EQ(word.owner(), kAnna);
  word.unlock();
  word.recover(kAnna);
  EXPECT_EQ(word.try_take(kBert), Taken::yes);
}

TEST(LockWordTest, AnOwnerThatGivesUpIsAsIfDead) {
  TestLock word;
  word.try_take(kAnna);
  word.abandon(kAnna);
  EXPECT_EQ(word.try_take(kBert), Taken::owner_died);
}

TEST(LockWordTest, ASleeperEndsAtItsDeadline) {
  TestLock word;
  word.try_take(kAnna);
  TestLock::Waiter waiter{kBert};
  const base::Deadline deadline = base::Deadline::in(20ms);
  while (!deadline.is_past()) EXPECT_EQ(word.take_or_sleep(waiter, deadline), Taken::no);
  EXPECT_EQ(word.give_up(waiter), Taken::no);
  word.unlock();
  EXPECT_EQ(word.give_up(waiter), Taken::yes);
}

// One that has waited for long has asked for the lock: whoever comes now waits.
TEST(LockWordTest, AHandoffGoesToOneWhoHasSlept) {
  TestLock word;
  word.try_take(kAnna);
  TestLock::Waiter patient{kLast, true, true};
  word.take_or_sleep(patient, base::Deadline::now());
  word.unlock();
  TestLock::Waiter newcomer{kBert};
  EXPECT_EQ(word.take_or_sleep(newcomer, base::Deadline::now()), Taken::no);
  EXPECT_EQ(word.take_or_sleep(patient, base::Deadline::now()), Taken::yes);
  word.unlock();
  newcomer.has_slept = false;
  EXPECT_EQ(word.take_or_sleep(newcomer, base::Deadline::now()), Taken::yes);
}

TEST(LockWordTest, AHandoffGoesWithTheOneItWasFor) {
  for (const bool dies : {false, true}) {
    TestLock word;
    word.try_take(kAnna);
    TestLock::Waiter patient{kLast, true, true};
    word.take_or_sleep(patient, base::Deadline::now());
    if (dies) {
      word.recover(kLast);
    } else {
      word.give_up(patient);
    }
    word.unlock();
    TestLock::Waiter newcomer{kBert};
    EXPECT_EQ(word.take_or_sleep(newcomer, base::Deadline::now()), Taken::yes) << dies;
  }
}

TEST(LockWordTest, GuardsWhatItGuards) {
  TestLock word;
  int count = 0;
  std::array<std::thread, 4> threads;
  for (unsigned i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&, i] {
      for (int n = 0; n < 20'000; ++n) {
        lock(word, static_cast<ParticipantId>(i + 1), i % 2 == 0);
        ++count;
        word.unlock();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000);
}

TEST(LockWordTest, ASleeperIsToldOfADeath) {
  TestLock word;
  word.try_take(kAnna);
  std::thread sleeper([&] {
    TestLock::Waiter waiter{kBert};
    Taken taken = Taken::no;
    while (taken == Taken::no) taken = word.take_or_sleep(waiter, base::Deadline::never());
    EXPECT_EQ(taken, Taken::owner_died);
  });
  word.recover(kAnna);
  word.wake_all();
  sleeper.join();
}

}  // namespace
}  // namespace shoal::sync
