// SPDX-License-Identifier: Apache-2.0
// What Atomics promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <shoal/atomic.hpp>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <shoal/value.hpp>
#include <vector>

#include "conformance/parties.hpp"
#include "support/forked_copy.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void pause_for_ever() {
  for (;;) ::pause();
}

struct Pair {
  std::int32_t low = 0;
  std::int32_t high = 0;
};

class AtomicSuite : public PartySuite {};

TEST_P(AtomicSuite, NoChangeIsLost) {
  const Atomic<int> counter;
  const Atomic<double> sum;
  const Atomic<Pair> pair;
  const auto work = [](const Atomic<int>& ints, const Atomic<double>& doubles,
                       const Atomic<Pair>& pairs) {
    for (int i = 0; i < 3'000; ++i) {
      ints.fetch_add(1);
      doubles.fetch_add(0.5);
      for (Pair seen = pairs.load();
           !pairs.compare_exchange_weak(seen, {seen.low + 1, -seen.low});) {
      }
    }
  };
  Party first = start(work, counter, sum, pair);
  Party second = start(work, counter, sum, pair);
  work(counter, sum, pair);
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
  EXPECT_EQ(counter.load(), 9'000);
  EXPECT_EQ(sum.load(), 4'500);
  EXPECT_EQ(pair.load().low, 9'000);
  EXPECT_EQ(pair.load().high, -8'999);
}

TEST_P(AtomicSuite, WhoWaitsIsWokenByAChange) {
  const Atomic<int> ball;
  constexpr int kRounds = 300;
  Party other = start(
      [](const Atomic<int>& same) {
        for (int i = 0; i < kRounds; ++i) {
          same.wait(2 * i);
          ASSERT_EQ(same.load(), 2 * i + 1);
          same.store(2 * i + 2);
          same.notify_one();
        }
      },
      ball);
  for (int i = 0; i < kRounds; ++i) {
    ball.store(2 * i + 1);
    ball.notify_one();
    ball.wait(2 * i + 1);
  }
  EXPECT_TRUE(other.join());
  EXPECT_EQ(ball.load(), 2 * kRounds);
}

TEST_P(AtomicSuite, AllWhoWaitAreWoken) {
  const Atomic<bool> is_open;
  const Atomic<unsigned> there;
  std::vector<Party> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(start(
        [](const Atomic<bool>& same, const Atomic<unsigned>& count) {
          ++count;
          count.notify_all();
          same.wait(false);
          ASSERT_TRUE(same.load());
        },
        is_open, there));
  }
  for (unsigned seen = 0; seen != 3; seen = there.load()) there.wait(seen);
  is_open.store(true);
  is_open.notify_all();
  for (Party& waiter : waiters) EXPECT_TRUE(waiter.join());
}

TEST_P(AtomicSuite, AWaitEndsAfterItsTime) {
  const Atomic<int> word(5);
  Party other = start(
      [](const Atomic<int>& same) {
        const auto start = std::chrono::steady_clock::now();
        ASSERT_FALSE(same.wait_for(5, 60ms));
        ASSERT_FALSE(same.wait_until(5, start + 120ms));
        ASSERT_GE(std::chrono::steady_clock::now() - start, 120ms);
        ASSERT_FALSE(same.wait_for(5, 0ms));
        ASSERT_TRUE(same.wait_for(4, -1s));
        same.wait(6);
      },
      word);
  EXPECT_TRUE(other.join());
}

SHOAL_FOR_EACH_HOME(AtomicSuite);

class AtomicDeathSuite : public ProcessPartySuite {};

TEST_P(AtomicDeathSuite, AWriterKilledBeforeItsNotifyIsNoticed) {
  const Atomic<int> word;
  Party writer = start(
      [](const Atomic<int>& same) {
        same.store(1);
        ::kill(::getpid(), SIGKILL);
      },
      word);
  word.wait(0);
  EXPECT_EQ(word.load(), 1);
  EXPECT_FALSE(writer.join());
}

TEST_P(AtomicDeathSuite, AWriterStoppedBeforeItsNotifyIsNoticed) {
  const Atomic<int> word;
  Party writer = start(
      [](const Atomic<int>& same) {
        same.store(1);
        ::kill(::getpid(), SIGSTOP);
        same.notify_all();
      },
      word);
  word.wait(0);
  EXPECT_EQ(word.load(), 1);
  // It may not have come to its stop yet, and would be past this one then.
  do {
    ::kill(writer.process().pid(), SIGCONT);
  } while (!writer.process().join(1ms));
  EXPECT_TRUE(writer.join());
}

TEST_P(AtomicDeathSuite, AnotherWaitersDeathTakesNoWakeAway) {
  const Atomic<int> word;
  const Atomic<int> there;
  const auto wait = [](const Atomic<int>& same, const Atomic<int>& count) {
    ++count;
    count.notify_all();
    same.wait(0);
  };
  Party doomed = start(wait, word, there);
  Party other = start(wait, word, there);
  for (int seen = 0; seen != 2; seen = there.load()) there.wait(seen);
  doomed.process().kill();
  word.store(1);
  word.notify_one();
  EXPECT_TRUE(other.join());
}

TEST_P(AtomicDeathSuite, WhoWaitsIsToldOfItsMakersDeath) {
  const auto [here, there] = pipe();
  Party maker = start(
      [](const Connection& out) {
        out.send(Atomic<int>(3));
        pause_for_ever();
      },
      there);
  const Atomic<int> word = here.recv<Atomic<int>>();
  maker.process().kill();
  EXPECT_THROW(word.wait(3), OwnerDiedError);
  EXPECT_EQ(word.fetch_add(1), 3);
  word.wait(3);
}

SHOAL_FOR_EACH_PROCESS_HOME(AtomicDeathSuite);

TEST(AtomicTest, DoesWhatStdAtomicDoes) {
  const Atomic<unsigned> word(12);
  EXPECT_EQ(word.exchange(10), 12U);
  EXPECT_EQ(word.fetch_sub(2), 10U);
  EXPECT_EQ(word.fetch_or(1), 8U);
  EXPECT_EQ(word.fetch_xor(3), 9U);
  EXPECT_EQ(word.fetch_and(2), 10U);
  EXPECT_EQ(word++, 2U);
  EXPECT_EQ(++word, 4U);
  EXPECT_EQ(word--, 4U);
  EXPECT_EQ(--word, 2U);
  EXPECT_EQ(word += 5, 7U);
  EXPECT_EQ(word -= 1, 6U);
  EXPECT_EQ(word |= 1, 7U);
  EXPECT_EQ(word &= 5, 5U);
  EXPECT_EQ(word ^= 1, 4U);
  unsigned expected = 3;
  EXPECT_FALSE(word.compare_exchange(expected, 9));
  EXPECT_EQ(expected, 4U);
  EXPECT_TRUE(word.compare_exchange_strong(expected, 9));
  EXPECT_EQ(word.load(std::memory_order_acquire), 9U);
  word.store(1, std::memory_order_release);
  EXPECT_EQ(word.load(), 1U);
}

TEST(AtomicTest, OfAnotherTypeIsRefused) {
  Writer writer;
  writer.put(Atomic<int>(1));
  Reader as_unsigned(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_unsigned.get<Atomic<unsigned>>(), CodecError);
  Reader as_value(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_value.get<RawValue<int>>(), CodecError);
  Reader as_same(writer.bytes(), writer.descriptors());
  EXPECT_EQ(as_same.get<Atomic<int>>().load(), 1);
}

TEST(AtomicTest, ACopyByForkIsRefused) {
  const Atomic<int> word;
  EXPECT_TRUE(is_closed_in_forked_copy([&] { word.fetch_add(1); }));
}

TEST(AtomicTest, ComesFromAContextToo) {
  EXPECT_EQ(get_context(StartMethod::spawn).atomic<int>(3).load(), 3);
}

}  // namespace
}  // namespace shoal::test
