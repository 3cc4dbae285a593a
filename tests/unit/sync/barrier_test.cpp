// SPDX-License-Identifier: Apache-2.0
#include "sync/barrier.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "sync/hardware.hpp"

namespace shoal::sync {
namespace {

using TestBarrier = Barrier<Hardware>;
using State = TestBarrier::State;
using Outcome = TestBarrier::Outcome;

constexpr ParticipantId kAnna = 1, kBert = kLastParticipant;

class BarrierWordsTest : public testing::Test {
 protected:
  std::uint64_t arrive(ParticipantId me, unsigned index) {
    const TestBarrier::Arrival arrival = barrier_.arrive(me);
    EXPECT_EQ(arrival.state, State::arrived);
    EXPECT_EQ(arrival.index, index);
    return arrival.generation;
  }
  std::uint64_t pass() {
    const std::uint64_t generation = arrive(kAnna, 0);
    arrive(kAnna, 1);
    arrive(kAnna, 2);
    EXPECT_TRUE(barrier_.pass(generation));
    return generation;
  }

  BarrierWords<Hardware> words_;
  std::array<TestBarrier::Slot, 3> slots_{};
  TestBarrier barrier_{words_, slots_};
};

TEST_F(BarrierWordsTest, PassesOnceAllAreThere) {
  const std::uint64_t generation = arrive(kAnna, 0);
  EXPECT_EQ(barrier_.waiting(), 1U);
  arrive(kBert, 1);
  EXPECT_EQ(barrier_.waiting(), 2U);
  EXPECT_EQ(barrier_.outcome(generation), Outcome::pending);
  arrive(kAnna, 2);
  EXPECT_EQ(barrier_.arrive(kAnna).state, State::full);
  EXPECT_TRUE(barrier_.pass(generation));
  EXPECT_EQ(barrier_.outcome(generation), Outcome::passed);
  EXPECT_EQ(barrier_.waiting(), 0U);
  EXPECT_NE(arrive(kAnna, 0), generation);
}

TEST_F(BarrierWordsTest, ABrokenOneStaysSoUntilItIsReset) {
  const std::uint64_t generation = arrive(kAnna, 0);
  barrier_.abort();
  barrier_.abort();
  EXPECT_TRUE(barrier_.is_broken());
  EXPECT_EQ(barrier_.outcome(generation), Outcome::broken);
  EXPECT_EQ(barrier_.arrive(kBert).state, State::broken);
  EXPECT_FALSE(barrier_.pass(generation));
  barrier_.reset();
  EXPECT_FALSE(barrier_.is_broken());
  EXPECT_EQ(barrier_.outcome(generation), Outcome::broken);
  pass();
}

TEST_F(BarrierWordsTest, AResetIsABreakToWhoWaits) {
  const std::uint64_t first = arrive(kAnna, 0);
  barrier_.reset();
  EXPECT_EQ(barrier_.outcome(first), Outcome::broken);
  const std::uint64_t second = arrive(kBert, 0);
  EXPECT_EQ(barrier_.outcome(second), Outcome::pending);
}

TEST_F(BarrierWordsTest, WhoWakesLateIsToldHowItsGenerationEnded) {
  const std::uint64_t first = arrive(kAnna, 0);
  barrier_.reset();
  const std::uint64_t second = pass();
  EXPECT_EQ(barrier_.outcome(first), Outcome::broken);
  EXPECT_EQ(barrier_.outcome(second), Outcome::passed);
  const std::uint64_t third = arrive(kAnna, 0);
  barrier_.reset();
  barrier_.reset();
  EXPECT_EQ(barrier_.outcome(second), Outcome::passed);
  EXPECT_EQ(barrier_.outcome(third), Outcome::broken);
  for (int i = 0; i < 5'000; ++i) barrier_.reset();
  EXPECT_EQ(barrier_.outcome(third), Outcome::broken);
  const std::uint64_t last = pass();
  for (int i = 0; i < 5'000; ++i) pass();
  EXPECT_EQ(barrier_.outcome(last), Outcome::passed);
}

TEST_F(BarrierWordsTest, ADeathInsideBreaksIt) {
  const std::uint64_t generation = arrive(kAnna, 0);
  barrier_.recover(kBert);
  EXPECT_EQ(barrier_.outcome(generation), Outcome::pending);
  arrive(kBert, 1);
  barrier_.recover(kBert);
  EXPECT_EQ(barrier_.outcome(generation), Outcome::broken);
}

TEST_F(BarrierWordsTest, ADeathOutsideIsNobodys) {
  pass();
  const std::uint64_t generation = arrive(kBert, 0);
  barrier_.recover(kAnna);
  EXPECT_EQ(barrier_.outcome(generation), Outcome::pending);
}

TEST_F(BarrierWordsTest, ThreadsStayInStep) {
  std::array<std::atomic<int>, 3> steps{};
  std::array<std::thread, 3> threads;
  for (unsigned i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&, i] {
      for (int step = 1; step <= 3'000; ++step) {
        steps[i].store(step, std::memory_order_relaxed);
        auto arrival = barrier_.arrive(static_cast<ParticipantId>(i + 1));
        ASSERT_EQ(arrival.state, State::arrived);
        if (arrival.is_last(3)) {
          for (auto& other : steps) EXPECT_EQ(other.load(std::memory_order_relaxed), step);
          EXPECT_TRUE(barrier_.pass(arrival.generation));
          continue;
        }
        while (barrier_.outcome(arrival.generation) == Outcome::pending) {
          const auto key = barrier_.changes().prepare();
          if (barrier_.outcome(arrival.generation) != Outcome::pending) break;
          barrier_.changes().wait(key, base::Deadline::never());
        }
        EXPECT_EQ(barrier_.outcome(arrival.generation), Outcome::passed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace shoal::sync
