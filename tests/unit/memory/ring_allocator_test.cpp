// SPDX-License-Identifier: Apache-2.0
#include "memory/ring_allocator.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>

namespace shoal::memory {
namespace {

TEST(RingAllocatorTest, RefusesWhatDoesNotFit) {
  RingAllocator ring(1024);
  EXPECT_FALSE(ring.allocate(1025));
  EXPECT_FALSE(ring.allocate(0));
  EXPECT_EQ(ring.allocate(1024), 0U);
  EXPECT_FALSE(ring.allocate(1));
}

TEST(RingAllocatorTest, ReusesTheFrontAfterWrapping) {
  RingAllocator ring(64);
  EXPECT_EQ(ring.allocate(32), 0U);
  EXPECT_EQ(ring.allocate(32), 32U);
  ring.free_front();
  EXPECT_EQ(ring.allocate(16), 0U);
  EXPECT_EQ(ring.allocate(16), 16U);
  EXPECT_FALSE(ring.allocate(16));
}

TEST(RingAllocatorTest, TheYoungestCanBeTakenBack) {
  RingAllocator ring(64);
  EXPECT_EQ(ring.allocate(48), 0U);
  EXPECT_EQ(ring.allocate(16), 48U);
  ring.free_back();
  EXPECT_EQ(ring.allocate(16), 48U);
}

TEST(RingAllocatorTest, NeverHandsOutOverlappingPieces) {
  constexpr std::size_t kSize = 4096;
  RingAllocator ring(kSize);
  std::deque<std::pair<std::size_t, std::size_t>> pieces;
  std::mt19937 random(7);
  for (int step = 0; step < 100'000; ++step) {
    const auto action = random() % 4;
    if (action == 0 && !pieces.empty()) {
      ring.free_front();
      pieces.pop_front();
    } else if (action == 1 && !pieces.empty()) {
      ring.free_back();
      pieces.pop_back();
    } else if (const std::size_t bytes = 1 + random() % 700; const auto at = ring.allocate(bytes)) {
      ASSERT_LE(*at + bytes, kSize);
      for (const auto& [begin, end] : pieces) ASSERT_TRUE(*at + bytes <= begin || end <= *at);
      pieces.emplace_back(*at, *at + bytes);
    }
    ASSERT_EQ(ring.count(), pieces.size());
  }
}

}  // namespace
}  // namespace shoal::memory
