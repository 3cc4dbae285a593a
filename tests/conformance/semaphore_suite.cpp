// SPDX-License-Identifier: Apache-2.0
// What semaphores and events promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/semaphore.hpp>
#include <stdexcept>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class SemaphoreSuite : public PartySuite {};

template <class AnySemaphore>
void count_down_and_up(const AnySemaphore& semaphore) {
  EXPECT_EQ(semaphore.value(), 2U);
  semaphore.acquire();
  EXPECT_EQ(semaphore.value(), 1U);
  semaphore.acquire();
  EXPECT_EQ(semaphore.value(), 0U);
  EXPECT_FALSE(semaphore.try_acquire());
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 2U);
}

TEST_P(SemaphoreSuite, CountsDownAndUpAndBeyond_48) {
  const Semaphore semaphore(2);
  count_down_and_up(semaphore);
  EXPECT_TRUE(start([](const Semaphore& same) { same.release(); }, semaphore).join());
  EXPECT_EQ(semaphore.value(), 3U);
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 4U);
}

TEST_P(SemaphoreSuite, ABoundedOneGoesNoHigherThanItsStart_49) {
  const BoundedSemaphore semaphore(2);
  count_down_and_up(semaphore);
  EXPECT_THROW(semaphore.release(), Error);
  semaphore.acquire();
  EXPECT_THROW(semaphore.release(2), Error);
  Party other = start([](const BoundedSemaphore& same) { same.release(); }, semaphore);
  EXPECT_TRUE(other.join());
  EXPECT_THROW(semaphore.release(), Error);
  EXPECT_EQ(semaphore.value(), 2U);
}

TEST_P(SemaphoreSuite, AWaitForAPermitEndsAfterItsTime_50) {
  const Semaphore semaphore(0);
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_FALSE(semaphore.try_acquire_for(-1s));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(semaphore.try_acquire_for(100ms));
  EXPECT_FALSE(semaphore.try_acquire_until(std::chrono::system_clock::now() + 50ms));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 149ms);
}

TEST_P(SemaphoreSuite, WhoWaitsGoesOnWithEachPermit) {
  const Semaphore permits(0), taken(0);
  const auto take = [](const Semaphore& in, const Semaphore& out) {
    for (int i = 0; i < 200; ++i) {
      in.acquire();
      out.release();
    }
  };
  Party first = start(take, permits, taken);
  Party second = start(take, permits, taken);
  for (int i = 0; i < 100; ++i) {
    permits.release(i % 2 == 0 ? 1 : 3);
    taken.acquire();
  }
  permits.release(200);
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
  EXPECT_EQ(permits.value(), 0U);
  EXPECT_EQ(taken.value(), 300U);
}

SHOAL_FOR_EACH_HOME(SemaphoreSuite);

class SemaphoreDeathSuite : public ProcessPartySuite {};

TEST_P(SemaphoreDeathSuite, PermitsOfTheKilledComeBack) {
  const BoundedSemaphore semaphore(3);
  const Event has_taken;
  Party holder = start(
      [](const BoundedSemaphore& same, const Event& done) {
        same.acquire();
        same.acquire();
        done.set();
        for (;;) ::pause();
      },
      semaphore, has_taken);
  has_taken.wait();
  semaphore.acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  holder.process().kill();
  semaphore.acquire();
  semaphore.acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  semaphore.release(3);
  EXPECT_THROW(semaphore.release(), Error);
}

TEST_P(SemaphoreDeathSuite, AKilledWaiterTakesNothing) {
  const Semaphore semaphore(0);
  const Event waits;
  Party waiter = start(
      [](const Semaphore& same, const Event& is_there) {
        is_there.set();
        same.acquire();
      },
      semaphore, waits);
  waits.wait();
  waiter.process().kill();
  waiter.process().join();
  Party other = start([](const Semaphore& same) { same.acquire(); }, semaphore);
  semaphore.release();
  EXPECT_TRUE(other.join());
}

TEST_P(SemaphoreDeathSuite, WhoEndsInPeaceHasUsedUpWhatItTook) {
  const Semaphore semaphore(2);
  EXPECT_TRUE(start([](const Semaphore& same) { same.acquire(); }, semaphore).join());
  EXPECT_EQ(semaphore.value(), 1U);
  Party doomed = start(
      [](const Semaphore& same) {
        same.release();
        ::kill(::getpid(), SIGKILL);
      },
      semaphore);
  doomed.join();
  EXPECT_EQ(semaphore.value(), 2U);
}

SHOAL_FOR_EACH_PROCESS_HOME(SemaphoreDeathSuite);

TEST(SemaphoreTest, AnAbsurdNumberIsRefused) {
  EXPECT_THROW(Semaphore(Semaphore::kMost + 1), std::invalid_argument);
  EXPECT_THROW(Semaphore(Semaphore::kMost).release(), Error);
}

TEST(SemaphoreTest, OfAnotherKindIsRefused) {
  Writer writer;
  writer.put(Semaphore(1));
  Reader as_bounded(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_bounded.get<BoundedSemaphore>(), CodecError);
}

// --- events -------------------------------------------------------------------------------------

class EventSuite : public PartySuite {};

TEST_P(EventSuite, IsSetClearedAndWaitedFor_58) {
  const Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait_for(0s));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(event.wait_for(50ms));
  EXPECT_FALSE(event.wait_until(std::chrono::steady_clock::now() + 20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 70ms);
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait_for(0s));
  event.wait();
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait_for(0s));
  Party other = start([](const Event& same) { same.set(); }, event);
  event.wait();
  EXPECT_TRUE(other.join());
}

TEST_P(EventSuite, AllWhoWaitGoOn) {
  const Event go, seen;
  const Semaphore waiting(0);
  const auto wait = [](const Event& same, const Semaphore& there) {
    there.release();
    same.wait();
  };
  Party first = start(wait, go, waiting);
  Party second = start(wait, go, waiting);
  waiting.acquire();
  waiting.acquire();
  go.set();
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
}

SHOAL_FOR_EACH_HOME(EventSuite);

class EventDeathSuite : public ProcessPartySuite {};

TEST_P(EventDeathSuite, AKilledWaiterHarmsNobody) {
  const Event event, waits;
  const auto wait = [](const Event& same, const Event& there) {
    there.set();
    same.wait();
  };
  Party doomed = start(wait, event, waits);
  waits.wait();
  waits.clear();
  Party other = start(wait, event, waits);
  waits.wait();
  doomed.process().kill();
  doomed.process().join();
  event.set();
  EXPECT_TRUE(other.join());
}

SHOAL_FOR_EACH_PROCESS_HOME(EventDeathSuite);

}  // namespace
}  // namespace shoal::test
