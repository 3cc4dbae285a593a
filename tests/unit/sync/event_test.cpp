// SPDX-License-Identifier: Apache-2.0
#include "sync/event.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "sync/hardware.hpp"

namespace shoal::sync {
namespace {

using namespace std::chrono_literals;
using TestEvent = Event<Hardware>;

TEST(EventWordTest, IsSetUntilItIsCleared) {
  TestEvent event;
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.is_past(event.begin()));
  event.clear();
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.is_past(event.begin()));
}

TEST(EventWordTest, AWaitEndsThoughTheFlagWasClearedAtOnce) {
  TestEvent event;
  const auto begun = event.begin();
  event.set();
  event.clear();
  EXPECT_TRUE(event.is_past(begun));
}

TEST(EventWordTest, ASleeperIsWoken) {
  TestEvent event;
  std::thread sleeper([&, begun = event.begin()] {
    while (!event.is_past(begun)) event.sleep(begun, base::Deadline::never());
  });
  event.set();
  event.clear();
  sleeper.join();
}

TEST(EventWordTest, ASleepEndsAtItsDeadline) {
  TestEvent event;
  const auto begun = event.begin();
  const base::Deadline deadline = base::Deadline::in(20ms);
  while (!deadline.is_past()) event.sleep(begun, deadline);
  EXPECT_FALSE(event.is_past(begun));
}

}  // namespace
}  // namespace shoal::sync
