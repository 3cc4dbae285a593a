// SPDX-License-Identifier: Apache-2.0
#include "sync/semaphore.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>

#include "sync/hardware.hpp"

namespace shoal::sync {
namespace {

using TestSemaphore = Semaphore<Hardware>;

constexpr ParticipantId kAnna = 1, kBert = kLastParticipant;

class SemaphoreWordsTest : public testing::Test {
 protected:
  const std::unique_ptr<TestSemaphore> semaphore_ = std::make_unique<TestSemaphore>();
};

TEST_F(SemaphoreWordsTest, CountsAndKnowsWhoHoldsWhat) {
  semaphore_->start(2);
  EXPECT_TRUE(semaphore_->try_acquire(kAnna));
  EXPECT_TRUE(semaphore_->try_acquire(kBert));
  EXPECT_FALSE(semaphore_->try_acquire(kAnna));
  EXPECT_EQ(semaphore_->held(kAnna), 1U);
  EXPECT_EQ(semaphore_->held(kBert), 1U);
  EXPECT_TRUE(semaphore_->release(kAnna, 1, TestSemaphore::kMost));
  EXPECT_EQ(semaphore_->held(kAnna), 0U);
  EXPECT_EQ(semaphore_->value(), 1U);
}

TEST_F(SemaphoreWordsTest, ReleasesBeyondWhatIsHeldAreNewPermits) {
  semaphore_->start(1);
  EXPECT_TRUE(semaphore_->try_acquire(kAnna));
  EXPECT_TRUE(semaphore_->release(kAnna, 3, TestSemaphore::kMost));
  EXPECT_EQ(semaphore_->value(), 3U);
  EXPECT_EQ(semaphore_->held(kAnna), 0U);
}

TEST_F(SemaphoreWordsTest, NoMoreThanTheMostAreReleased) {
  semaphore_->start(1);
  EXPECT_FALSE(semaphore_->release(kAnna, 1, 1));
  EXPECT_TRUE(semaphore_->try_acquire(kAnna));
  EXPECT_FALSE(semaphore_->release(kAnna, 2, 1));
  EXPECT_TRUE(semaphore_->release(kAnna, 1, 1));
  EXPECT_FALSE(semaphore_->release(kAnna, TestSemaphore::kMost, TestSemaphore::kMost));
  EXPECT_EQ(semaphore_->value(), 1U);
}

TEST_F(SemaphoreWordsTest, PermitsOfTheDeadComeBackOnce) {
  semaphore_->start(3);
  EXPECT_TRUE(semaphore_->try_acquire(kAnna));
  EXPECT_TRUE(semaphore_->try_acquire(kAnna));
  EXPECT_TRUE(semaphore_->try_acquire(kBert));
  semaphore_->recover(kAnna);
  semaphore_->recover(kAnna);
  EXPECT_EQ(semaphore_->value(), 2U);
  EXPECT_EQ(semaphore_->held(kAnna), 0U);
  EXPECT_EQ(semaphore_->held(kBert), 1U);
}

// A number of a change comes back after 16 million of them.
TEST_F(SemaphoreWordsTest, EveryPermitIsEnteredWhateverTheNumberOfTheChange) {
  semaphore_->start(2);
  EXPECT_TRUE(semaphore_->try_acquire(kBert));
  for (std::uint32_t i = 0; i < (1U << 23) - 1; ++i) {
    ASSERT_TRUE(semaphore_->try_acquire(kAnna));
    ASSERT_TRUE(semaphore_->release(kAnna, 1, 2));
  }
  ASSERT_TRUE(semaphore_->try_acquire(kAnna));
  ASSERT_TRUE(semaphore_->release(kBert, 1, 2));
  EXPECT_EQ(semaphore_->held(kBert), 0U);
  EXPECT_EQ(semaphore_->held(kAnna), 1U);
}

TEST_F(SemaphoreWordsTest, NoPermitIsLostAmongMany) {
  semaphore_->start(2);
  std::atomic<int> inside{0};
  std::array<std::thread, 4> threads;
  for (unsigned i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&, me = static_cast<ParticipantId>(i + 1)] {
      for (int n = 0; n < 5'000; ++n) {
        while (!semaphore_->try_acquire(me)) {
          const auto key = semaphore_->changes().prepare();
          if (semaphore_->try_acquire(me)) break;
          semaphore_->changes().wait(key, base::Deadline::never());
        }
        EXPECT_LE(++inside, 2);
        --inside;
        EXPECT_TRUE(semaphore_->release(me, 1, 2));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(semaphore_->value(), 2U);
  for (ParticipantId me = 1; me <= threads.size(); ++me) EXPECT_EQ(semaphore_->held(me), 0U);
}

}  // namespace
}  // namespace shoal::sync
