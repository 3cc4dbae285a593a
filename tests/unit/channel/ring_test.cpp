// SPDX-License-Identifier: Apache-2.0
#include "channel/ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "sync/hardware.hpp"

namespace shoal::channel {
namespace {

constexpr sync::ParticipantId kSelf = 1;
constexpr sync::ParticipantId kOther = 2;

// Hardware on which something happens before a load.
struct Interrupted : sync::Hardware {
  inline static int loads_until = 0;
  inline static std::function<void()> interruption;

  template <class T>
  class Atomic : public std::atomic<T> {
   public:
    T load(std::memory_order order) const noexcept {
      if (loads_until > 0 && --loads_until == 0) interruption();
      return std::atomic<T>::load(order);
    }
  };
};

class RingTest : public testing::Test {
 protected:
  using Ring = channel::Ring<Interrupted>;
  using Word = Interrupted::Atomic<std::uint64_t>;

  Passage put(std::uint32_t chunk, sync::ParticipantId self) {
    EXPECT_TRUE(ring_.claim(chunk, self));
    return ring_.put(chunk, known_head_);
  }
  void expect_to_get(std::uint32_t chunk) {
    std::uint32_t x = 0;
    EXPECT_EQ(ring_.get(kOther, x), Passage::done);
    EXPECT_EQ(x, chunk);
    ring_.give_back(x, kOther);
  }
  void write_full(std::size_t at, std::uint16_t chunk) {
    cells_[at].store(Cell{0, chunk, sync::kNobody, CellState::full}.pack());
  }

  Word tail_{};
  Word head_{};
  std::array<Word, 4> cells_{};
  std::array<Word, 4> owners_{};
  std::uint64_t known_head_ = 0;
  Ring ring_{{&tail_, &head_, cells_.data(), owners_.data()},
             {.cells = 4, .limit = 2, .chunks = 4}};
};

// Another puts behind the look at the cell, and stops before it moves the tail; its message is got.
TEST_F(RingTest, ALaggingTailIsNoLackOfRoom) {
  ASSERT_EQ(put(0, kSelf), Passage::done);
  ASSERT_EQ(put(1, kSelf), Passage::done);
  ASSERT_TRUE(ring_.claim(2, kSelf));
  Interrupted::interruption = [this] {
    expect_to_get(0);
    expect_to_get(1);
    ASSERT_TRUE(ring_.claim(3, kOther));
    write_full(2, 3);
    expect_to_get(3);
  };
  Interrupted::loads_until = 3;  // tail, cell, and then the head
  EXPECT_EQ(ring_.put(2, known_head_), Passage::done);
  expect_to_get(2);
}

TEST_F(RingTest, AChunkThatCannotBeIsNoMessage) {
  write_full(0, 4);
  ASSERT_EQ(put(1, kSelf), Passage::done);
  expect_to_get(1);
  std::uint32_t x = 0;
  EXPECT_EQ(ring_.get(kOther, x), Passage::empty);
}

}  // namespace
}  // namespace shoal::channel
