// SPDX-License-Identifier: Apache-2.0
#include "sync/hardware.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace shoal::sync {
namespace {

using namespace std::chrono_literals;

TEST(HardwareTest, AWaitOnAChangedWordReturnsAtOnce) {
  const std::atomic<std::uint32_t> word{1};
  Hardware::wait(word, 0, base::Deadline::never());
}

TEST(HardwareTest, AWaitEndsAtItsDeadline) {
  const std::atomic<std::uint32_t> word{0};
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < 20ms) {
    Hardware::wait(word, 0, base::Deadline::in(20ms - (std::chrono::steady_clock::now() - start)));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(HardwareTest, AWakeEndsAWait) {
  std::atomic<std::uint32_t> word{0};
  std::thread sleeper([&] {
    while (word.load() == 0) Hardware::wait(word, 0, base::Deadline::never());
  });
  word.store(1);
  Hardware::wake(word, 1);
  sleeper.join();
}

TEST(HardwareTest, AWakeOfAnAddressThatIsNotMappedWakesNobody) {
  const auto* nowhere = reinterpret_cast<const std::atomic<std::uint32_t>*>(8);
  EXPECT_EQ(os::futex_wake(*nowhere, 1), 0);
}

}  // namespace
}  // namespace shoal::sync
