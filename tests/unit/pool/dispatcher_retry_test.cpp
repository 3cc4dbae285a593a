// SPDX-License-Identifier: Apache-2.0
// When a task that was lost runs again.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>

#include "dispatcher_world.hpp"
#include "shoal/task_options.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

class DispatcherRetryTest : public DispatcherTest {
 protected:
  // How long a task waits whose first attempt is lost.
  std::optional<Duration> pause_with(const TaskOptions& options) {
    start(0);
    auto task = std::make_shared<Task>(function, Payload());
    task->policy = std::make_shared<const TaskOptions>(options);
    dispatcher.on_submit(task);
    port.alarm.reset();
    port.delivered[0].clear();
    dispatcher.on_ended(0, end(task->ticket));
    if (!port.alarm) return std::nullopt;
    const Duration pause = *port.alarm - port.time;
    EXPECT_TRUE(dispatcher.on_cancel(*task));
    port.time = *port.alarm;
    dispatcher.on_alarm();
    return pause;
  }
};

TEST_F(DispatcherRetryTest, WithoutBackOffItRunsAtOnce) {
  EXPECT_EQ(pause_with({.retries = 1}), std::nullopt);
}

TEST_F(DispatcherRetryTest, WithoutJitterAllWaitAsLong) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pause_with({.retries = 1, .backoff = 100ms}), 100ms);
}

TEST_F(DispatcherRetryTest, JitterScattersThePauses) {
  std::set<Duration> pauses;
  for (int i = 0; i < 40; ++i) {
    const auto pause = pause_with({.retries = 1, .backoff = 100ms, .jitter = 0.25});
    ASSERT_TRUE(pause.has_value());
    EXPECT_GE(*pause, 75ms);
    EXPECT_LE(*pause, 125ms);
    pauses.insert(*pause);
  }
  EXPECT_GT(pauses.size(), 30U);
  EXPECT_LT(*pauses.begin(), 90ms);
  EXPECT_GT(*pauses.rbegin(), 110ms);
}

}  // namespace
}  // namespace shoal::pool
