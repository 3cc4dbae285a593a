// SPDX-License-Identifier: Apache-2.0
// Time-outs with grace, the end of running tasks, and expiry.
#include <chrono>

#include "unit/pool/dispatcher_world.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

class DispatcherTimeTest : public DispatcherTest {
 protected:
  DispatcherTimeTest() : DispatcherTest({.max_workers = 2, .grace = 1s}) {}
};

TEST_F(DispatcherTimeTest, ATaskBeyondItsTimeIsEndedWithItsWorker) {
  start(0);
  const TaskRef task = submit({.timeout = 10ms});
  take(0);
  pass(9ms);
  EXPECT_TRUE(port.killed.empty());
  pass(1ms);
  EXPECT_TRUE(port.killed.contains(0));
  EXPECT_FALSE(task->is_done());
  die(0, task);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
  EXPECT_EQ(dispatcher.counts().lost, 0U);
  EXPECT_EQ(dispatcher.counts().failed, 1U);
  EXPECT_EQ(port.started.size(), 1U);  // the replacement
}

TEST_F(DispatcherTimeTest, TimeCountsFromTheStartOfATask) {
  start(0);
  submit({.timeout = 10ms});
  for (int i = 0; i < 5; ++i) pass(10ms);
  EXPECT_TRUE(port.killed.empty());
  take(0);
  pass(9ms);
  EXPECT_TRUE(port.killed.empty());
  pass(1ms);
  EXPECT_TRUE(port.killed.contains(0));
}

TEST_F(DispatcherTimeTest, ATimeOutHitsNobodyBehind) {
  start(0);
  measure(1'000);
  const TaskRef task = submit({.timeout = 10ms});
  const TaskRef behind = submit();
  const TaskRef last = submit();
  ASSERT_EQ(port.delivered[0].size(), 3U);
  take(0);
  pass(10ms);
  ASSERT_TRUE(port.killed.contains(0));
  EXPECT_EQ(behind->status(), Task::Status::queued);
  start(1);
  EXPECT_EQ(dispatcher.expected(1), behind.get());
  die(0, task);
  complete(1);
  complete(1);
  EXPECT_EQ(last->status(), Task::Status::finished);
  EXPECT_EQ(behind->attempt, 1);
}

TEST_F(DispatcherTimeTest, AResultThatIsThereWins) {
  start(0);
  const TaskRef task = submit({.timeout = 10ms});
  take(0);
  pass(10ms);
  ASSERT_TRUE(port.killed.contains(0));
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
  die(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
}

TEST_F(DispatcherTimeTest, ATaskThatLooksIsAskedAndItsWorkerStays) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.timeout = 10ms});
  const TaskRef next = submit();
  take(0);
  pass(10ms);
  EXPECT_EQ(port.asked.size(), 1U);
  pass(999ms);
  EXPECT_TRUE(port.killed.empty());
  complete(0);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
  EXPECT_EQ(dispatcher.expected(0), next.get());
  take(0);
  pass(1h);  // the end of the grace time is nothing to the next
  EXPECT_TRUE(port.killed.empty());
}

TEST_F(DispatcherTimeTest, GraceEnds) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.timeout = 10ms});
  take(0);
  pass(10ms);
  pass(1s);
  EXPECT_TRUE(port.killed.contains(0));
  EXPECT_EQ(port.asked.size(), 1U);
  die(0, task);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

TEST_F(DispatcherTimeTest, AWorkerThatDiesInGraceHasTimedOut) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.timeout = 10ms});
  take(0);
  pass(10ms);
  die(0, task);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
  come(0);
  const TaskRef next = submit();
  take(0);
  pass(2s);
  EXPECT_TRUE(port.killed.empty());
}

TEST_F(DispatcherTimeTest, ARevokedTaskIsTimedWhereItRuns) {
  start(0);
  measure(1'000);
  const TaskRef first = submit();
  const TaskRef second = submit({.timeout = 10ms});
  ASSERT_EQ(port.delivered[0].size(), 2U);
  take(0);
  dispatcher.on_stall();
  start(1);
  ASSERT_EQ(dispatcher.expected(1), second.get());
  pass(5ms);
  take(1);
  pass(9ms);
  pass(1ms);
  EXPECT_EQ(port.killed, std::set<WorkerIndex>{1});
}

TEST_F(DispatcherTimeTest, AWatchOfATaskThatIsDoneEndsNobody) {
  start(0);
  submit({.timeout = 10ms});
  take(0);
  complete(0);
  const TaskRef next = submit();
  take(0);
  pass(1h);
  EXPECT_TRUE(port.killed.empty());
}

TEST_F(DispatcherTimeTest, ATimeOutBehindATaskWithoutOneIsKept) {
  start(0);
  submit({.timeout = 10ms});
  complete(0, 1'000);
  pass(1ms);
  submit();
  const TaskRef timed = submit({.timeout = 10ms});
  ASSERT_EQ(port.delivered[0].size(), 2U);
  take(0);
  pass(9ms);  // the first task's watch
  complete(0, 1'000);
  take(0);
  pass(10ms);
  pass(10ms);
  EXPECT_TRUE(port.killed.contains(0));
}

TEST_F(DispatcherTimeTest, ATimeOutBehindALongerOneIsKept) {
  start(0);
  measure(1'000);
  submit({.timeout = 1h});
  submit({.timeout = 10ms});
  ASSERT_EQ(port.delivered[0].size(), 2U);
  take(0);
  pass(10ms);
  complete(0, 1'000);
  take(0);
  pass(10ms);
  pass(10ms);
  EXPECT_TRUE(port.killed.contains(0));
}

TEST_F(DispatcherTimeTest, AWorkerThatHasGoneOnIsWatchedOn) {
  start(0);
  measure(1'000);
  submit({.timeout = 10ms});
  submit({.timeout = 10ms});
  take(0);
  port.has_gone_on.insert(0);  // the first is done just now
  pass(10ms);
  EXPECT_TRUE(port.killed.empty());
  port.has_gone_on.clear();
  complete(0, 1'000);
  take(0);
  pass(10ms);
  EXPECT_TRUE(port.killed.contains(0));
}

// --- workers that do not begin ------------------------------------------------------------------

TEST_F(DispatcherTimeTest, AStoppedWorkerIsReplacedAndItsTaskRunsElsewhere) {
  start(0);
  const TaskRef task = submit({.timeout = 10ms});
  pass(10ms);  // the first look
  pass(990ms);
  EXPECT_TRUE(port.killed.empty());
  pass(10ms);
  EXPECT_TRUE(port.killed.contains(0));
  EXPECT_EQ(task->status(), Task::Status::queued);
  EXPECT_EQ(task->attempt, 0);
  die(0);
  come(0);
  EXPECT_EQ(dispatcher.expected(0), task.get());
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
}

TEST_F(DispatcherTimeTest, AWorkerThatHidesThatItRunsATaskIsEndedWithIt) {
  start(0);
  const TaskRef task = submit({.timeout = 2s});
  port.has_gone_on.insert(0);  // it has taken the task, and never says so
  pass(2s);
  pass(1999ms);
  EXPECT_TRUE(port.killed.empty());
  pass(1ms);
  EXPECT_TRUE(port.killed.contains(0));
  die(0);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

TEST_F(DispatcherTimeTest, ATaskThatWasSeenRunningRunsOnWhateverItsWorkerSays) {
  start(0);
  const TaskRef task = submit({.timeout = 10s});
  pass(5s);
  take(0);
  pass(5s);  // the first look
  port.has_taken.clear();
  port.has_gone_on.insert(0);
  pass(5s - 1ms);
  EXPECT_TRUE(port.killed.empty());
  pass(1ms);
  EXPECT_TRUE(port.killed.contains(0));
  die(0);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

TEST_F(DispatcherTimeTest, ElementsBeginNoMoreOftenThanThereAreSuch) {
  start(0);
  measure(10'000);
  const TaskRef part = submit_map(5, {.timeout = 1s});
  ASSERT_EQ(part->part->count, 5U);
  for (int second = 0; second < 5; ++second) {
    EXPECT_TRUE(port.killed.empty()) << second;
    take(0);  // each look finds an element that has just begun
    pass(1s - 1ms);
    take(0);
    pass(1ms);
  }
  take(0);
  pass(1s);
  EXPECT_TRUE(port.killed.contains(0));
}

// --- Cancel::running ----------------------------------------------------------------------------

TEST_F(DispatcherTimeTest, ARunningTaskIsCancelledForGood) {
  start(0);
  const TaskRef task = submit({.retries = 5});
  take(0);
  EXPECT_FALSE(dispatcher.on_cancel(*task));
  EXPECT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  EXPECT_TRUE(port.killed.contains(0));
  die(0, task);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  EXPECT_THROW(task->raise(), CancelledError);
}

TEST_F(DispatcherTimeTest, ATaskThatHeedsIsCancelled) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.retries = 5});
  take(0);
  EXPECT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  EXPECT_TRUE(port.killed.empty());
}

// Killed between the gate and `taken`.
TEST_F(DispatcherTimeTest, ATaskThatWasEndedBeforeItBeganIsNotBegunElsewhere) {
  start(0);
  start(1);
  const TaskRef task = submit();
  const WorkerIndex worker = dispatcher.holder_of(*task).value();
  take(worker);
  ASSERT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  die(worker);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  EXPECT_EQ(dispatcher.running(), 0U);
}

TEST_F(DispatcherTimeTest, WhatIsCancelledInGraceIsNotRetried) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.timeout = 10ms, .retries = 5});
  take(0);
  pass(10ms);
  EXPECT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
}

TEST_F(DispatcherTimeTest, NobodyIsAskedAboutWhatWasCancelled) {
  start(0);
  const TaskRef task = submit({.retries = 5, .retry_if = [](const auto&) { return true; }});
  take(0);
  ASSERT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  port.delivered[0].clear();
  dispatcher.on_completed(0, {.status = Task::Status::raised});
  dispatcher.on_collected();
  EXPECT_TRUE(port.questions.empty());
  EXPECT_TRUE(task->is_done());
}

TEST_F(DispatcherTimeTest, CancellingWhatRunsHitsNobodyBehind) {
  start(0);
  measure(1'000);
  const TaskRef task = submit();
  const TaskRef behind = submit();
  take(0);
  EXPECT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
  EXPECT_EQ(behind->status(), Task::Status::queued);
  die(0, task);
  EXPECT_EQ(behind->status(), Task::Status::queued);
}

// --- expiry -------------------------------------------------------------------------------------

TEST_F(DispatcherTimeTest, WhatNobodyHasBegunExpires) {
  start(0);
  const TaskRef first = submit();
  take(0);
  const TaskRef task = submit({.expires = 10ms});
  pass(9ms);
  EXPECT_EQ(task->status(), Task::Status::queued);
  pass(1ms);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
  EXPECT_EQ(dispatcher.queued(), 0U);
  EXPECT_EQ(dispatcher.counts().failed, 1U);
}

TEST_F(DispatcherTimeTest, WhatIsHandedOverAndNotBegunExpires) {
  start(0);
  const TaskRef task = submit({.expires = 10ms});
  ASSERT_EQ(task->status(), Task::Status::running);
  pass(10ms);
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_EQ(submit()->status(), Task::Status::running);
}

TEST_F(DispatcherTimeTest, WhatHasBegunDoesNotExpire) {
  start(0);
  const TaskRef task = submit({.expires = 10ms});
  take(0);
  pass(1h);
  EXPECT_EQ(task->status(), Task::Status::running);
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
}

TEST_F(DispatcherTimeTest, WhatRunsAgainDoesNotExpire) {
  start(0);
  const TaskRef waits = submit({.expires = 10ms, .retries = 3, .backoff = 1h});
  die(0, waits);
  come(0);
  const TaskRef handed = submit({.expires = 10ms, .retries = 3});
  die(0, handed);
  come(0);
  ASSERT_EQ(handed->status(), Task::Status::running);  // not begun this time
  pass(20ms);
  EXPECT_EQ(waits->status(), Task::Status::queued);
  EXPECT_EQ(handed->status(), Task::Status::running);
}

TEST_F(DispatcherTimeTest, AWorkerThatDiesWithoutBeginningATaskLetsItExpire) {
  start(0);
  const TaskRef task = submit({.expires = 10ms});
  die(0);
  ASSERT_EQ(task->status(), Task::Status::queued);
  pass(10ms);
  EXPECT_EQ(task->status(), Task::Status::failed);
}

TEST_F(DispatcherTimeTest, WhatComesBackTooLateIsNotBegun) {
  start(0);
  const TaskRef task = submit({.expires = 10ms});
  take(0);  // and is killed before it says so
  pass(10ms);
  ASSERT_EQ(task->status(), Task::Status::running);
  die(0);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

TEST_F(DispatcherTimeTest, TheElementsOfAMapExpire) {
  start(0);
  const TaskRef map = submit_map(3, {.expires = 10ms});
  ASSERT_EQ(map->part->count, 1U);
  take(0);
  const TaskRef rest = map->part->rest;
  pass(9ms);
  EXPECT_FALSE(rest->is_done());
  pass(1ms);
  EXPECT_THROW(rest->raise(), TaskTimeoutError);
  EXPECT_EQ(rest->part->done, 0U);
  complete_items(0, 1, 1'000);
  EXPECT_EQ(map->status(), Task::Status::finished);
  EXPECT_EQ(dispatcher.queued(), 0U);
}

TEST_F(DispatcherTimeTest, ElementsThatAreLeftTooLateAreNotBegun) {
  start(0);
  measure(1'000);
  const TaskRef map = submit_map(4, {.expires = 10ms});
  ASSERT_EQ(map->part->count, 4U);
  take(0);
  pass(10ms);
  complete_items(0, 2, 2'000);
  EXPECT_EQ(map->part->done, 2U);
  EXPECT_THROW(map->part->rest->raise(), TaskTimeoutError);
  EXPECT_TRUE(port.delivered[0].empty());
}

}  // namespace
}  // namespace shoal::pool
