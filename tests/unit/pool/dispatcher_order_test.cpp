// SPDX-License-Identifier: Apache-2.0
// Priorities, room for submits, and workers that come and go: worn out, too many, too short-lived.
#include <chrono>

#include "unit/pool/dispatcher_world.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

using DispatcherPriorityTest = DispatcherTest;

TEST_F(DispatcherPriorityTest, HigherOnesGoFirstAndEqualOnesInTheirOrder) {
  start(0);
  submit();
  const TaskRef low = submit({.priority = -1});
  const TaskRef usual = submit();
  const TaskRef high = submit({.priority = 5});
  const TaskRef also_high = submit({.priority = 5});
  for (const TaskRef& task : {high, also_high, usual, low}) {
    complete(0);
    EXPECT_EQ(dispatcher.expected(0), task.get());
  }
}

TEST_F(DispatcherPriorityTest, WhatStandsPrefetchedMakesWay) {
  start(0);
  measure(1'000);
  const TaskRef first = submit();
  const TaskRef second = submit();
  take(0);
  const TaskRef high = submit({.priority = 1});
  EXPECT_EQ(port.delivered[0], (std::vector<Task*>{first.get(), high.get(), second.get()}));
  EXPECT_EQ(second->attempt, 1);
}

TEST_F(DispatcherPriorityTest, WhatIsPutOffMakesWayForTheUsual) {
  start(0);
  measure(1'000);
  const TaskRef first = submit();
  const TaskRef low = submit({.priority = -1});
  take(0);
  const TaskRef usual = submit();
  EXPECT_EQ(port.delivered[0], (std::vector<Task*>{first.get(), usual.get(), low.get()}));
}

TEST_F(DispatcherPriorityTest, WhatADeadWorkerReturnsGoesToItsOwnPlace) {
  start(0);
  const TaskRef low = submit({.priority = -1});
  const TaskRef later = submit({.priority = -1});
  const TaskRef high = submit({.priority = 1});
  die(0);
  come(0);
  EXPECT_EQ(dispatcher.expected(0), high.get());
  complete(0);
  EXPECT_EQ(dispatcher.expected(0), low.get());
}

// --- room ---------------------------------------------------------------------------------------

class DispatcherRoomTest : public DispatcherTest {
 protected:
  DispatcherRoomTest() : DispatcherTest({.max_workers = 1, .max_queued = 2}) {}
};

class DispatcherBytesTest : public DispatcherTest {
 protected:
  DispatcherBytesTest() : DispatcherTest({.max_workers = 1, .max_queued_bytes = 100}) {}
  // What is larger than all there is goes into an empty backlog only.
  bool is_empty() const { return dispatcher.has_room_for(1'000); }
};

TEST_F(DispatcherRoomTest, WhatRunsTakesNoRoom) {
  start(0);
  submit();
  submit();
  EXPECT_TRUE(dispatcher.has_room_for(1'000'000));
  submit();
  EXPECT_FALSE(dispatcher.has_room_for(0));
  dispatcher.on_wait_for_room();
  EXPECT_EQ(port.rooms, 0);
  complete(0);
  EXPECT_EQ(port.rooms, 1);
  complete(0);
  EXPECT_EQ(port.rooms, 1);  // nobody has waited since
}

TEST_F(DispatcherRoomTest, WhatIsPrefetchedTakesRoom) {
  start(0);
  measure(1'000);
  for (int i = 0; i < 3; ++i) submit();
  ASSERT_EQ(port.delivered[0].size(), 3U);
  EXPECT_FALSE(dispatcher.has_room_for(0));
  complete(0, 1'000);
  EXPECT_TRUE(dispatcher.has_room_for(0));
}

TEST_F(DispatcherRoomTest, WhoWaitsForRoomHearsOfTheEnd) {
  start(0);
  for (int i = 0; i < 3; ++i) submit();
  dispatcher.on_wait_for_room();
  dispatcher.on_close(false);
  EXPECT_EQ(port.rooms, 1);
}

TEST_F(DispatcherBytesTest, BytesThatWaitAreCounted) {
  start(0);
  submit({}, 60);
  EXPECT_TRUE(is_empty());  // it runs
  submit({}, 60);
  EXPECT_FALSE(is_empty());
  EXPECT_TRUE(dispatcher.has_room_for(40));
  EXPECT_FALSE(dispatcher.has_room_for(41));
  complete(0);
  EXPECT_TRUE(is_empty());
}

TEST_F(DispatcherBytesTest, CancellingAndExpiryFreeThem) {
  const TaskRef cancelled = submit({}, 60);
  const TaskRef expired = submit({.expires = 10ms}, 60);
  EXPECT_TRUE(dispatcher.on_cancel(*cancelled));
  EXPECT_FALSE(is_empty());
  pass(10ms);
  EXPECT_TRUE(expired->is_done());
  EXPECT_TRUE(is_empty());
  start(0);
  const TaskRef revoked = submit({}, 60);
  EXPECT_TRUE(dispatcher.on_cancel(*revoked));  // from the worker's hands
  EXPECT_TRUE(is_empty());
}

TEST_F(DispatcherBytesTest, RetriesAndReturnsAreCountedAgain) {
  start(0);
  const TaskRef task = submit({.retries = 1, .backoff = 10ms}, 60);
  die(0);
  EXPECT_FALSE(is_empty());
  come(0);
  EXPECT_TRUE(is_empty());
  die(0, task);
  EXPECT_TRUE(is_empty());  // it waits for its time
  pass(10ms);
  EXPECT_FALSE(is_empty());
  dispatcher.on_close(true);
  EXPECT_TRUE(is_empty());
}

TEST_F(DispatcherBytesTest, PartsOfMapsAreCounted) {
  start(0);
  const TaskRef map = submit_map(20);
  EXPECT_FALSE(is_empty());
  complete_items(0, 1, 1'000);
  die(0, nullptr);
  EXPECT_FALSE(dispatcher.has_room_for(100));
  come(0);
  for (int i = 0; dispatcher.expected(0) != nullptr && i < 20; ++i) {
    const std::size_t count = dispatcher.expected(0)->part->count;
    complete_items(0, (count + 1) / 2, 1'000);
  }
  EXPECT_TRUE(is_empty());
  const TaskRef dropped = submit_map(20);
  for (Task* part = dropped.get(); part != nullptr; part = part->part->rest.get()) {
    part->part->is_dropped = true;
  }
  complete_items(0, 1, 1'000);
  EXPECT_TRUE(is_empty());
}

TEST_F(DispatcherBytesTest, ABrokenPoolHasNone) {
  submit({}, 60);
  submit_map(10);
  dispatcher.on_broken("no");
  EXPECT_TRUE(is_empty());
}

// --- workers that are worn out ------------------------------------------------------------------

class DispatcherWearTest : public DispatcherTest {
 protected:
  DispatcherWearTest() : DispatcherTest({.max_workers = 1, .max_tasks_per_child = 3}) {}
};

class DispatcherAgeTest : public DispatcherTest {
 protected:
  DispatcherAgeTest() : DispatcherTest({.max_workers = 1, .max_age_per_child = 1s}) {}
};

TEST_F(DispatcherWearTest, AWorkerLeavesAfterSoManyTasks) {
  start(0);
  measure(1'000);
  for (int i = 0; i < 3; ++i) submit();
  EXPECT_EQ(port.delivered[0].size(), 2U);  // nothing stands behind its last task
  complete(0, 1'000);
  EXPECT_TRUE(port.dismissed.empty());
  complete(0, 1'000);
  EXPECT_TRUE(port.dismissed.contains(0));
  die(0);
  EXPECT_EQ(port.started, std::vector<WorkerIndex>{0});
  come(0);
  EXPECT_EQ(port.delivered[0].size(), 1U);
}

TEST_F(DispatcherWearTest, WhatIsTakenBackDoesNotCount) {
  start(0);
  for (int i = 0; i < 5; ++i) {
    const TaskRef task = submit();
    EXPECT_TRUE(dispatcher.on_cancel(*task));
  }
  EXPECT_TRUE(port.dismissed.empty());
  EXPECT_EQ(submit()->status(), Task::Status::running);
}

TEST_F(DispatcherWearTest, ElementsCountAndOnlyThoseThatRan) {
  start(0);
  measure(1'000);
  const TaskRef map = submit_map(8);
  EXPECT_EQ(map->part->count, 2U);
  complete_items(0, 1, 1'000);  // it has left off
  EXPECT_TRUE(port.dismissed.empty());
  ASSERT_NE(dispatcher.expected(0), nullptr);
  EXPECT_EQ(dispatcher.expected(0)->part->count, 1U);
  complete_items(0, 1, 1'000);
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherAgeTest, AnOldWorkerLeavesOnceItHasNothing) {
  start(0);
  measure(1'000);
  submit();
  const TaskRef behind = submit();
  take(0);
  pass(1s);
  EXPECT_TRUE(port.dismissed.empty());
  EXPECT_EQ(behind->status(), Task::Status::queued);
  complete(0);
  EXPECT_TRUE(port.dismissed.contains(0));
  die(0);
  come(0);
  EXPECT_EQ(dispatcher.expected(0), behind.get());
}

TEST_F(DispatcherAgeTest, AnIdleOneLeavesAtOnceAndTheNextIsYoung) {
  start(0);
  pass(1s);
  EXPECT_TRUE(port.dismissed.contains(0));
  port.dismissed.clear();
  die(0);
  come(0);
  pass(999ms);
  EXPECT_TRUE(port.dismissed.empty());
  pass(1ms);
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherAgeTest, ALargeOneLeavesAfterItsTask) {
  start(0);
  submit();
  take(0);
  dispatcher.on_worn(0);
  EXPECT_TRUE(port.dismissed.empty());
  complete(0);
  EXPECT_TRUE(port.dismissed.contains(0));
}

// --- resize -------------------------------------------------------------------------------------

using DispatcherResizeTest = DispatcherTest;

TEST_F(DispatcherResizeTest, MoreWorkersAreStarted) {
  start(0);
  start(1);
  dispatcher.on_resize(4);
  EXPECT_EQ(port.started, (std::vector<WorkerIndex>{2, 3}));
  come(3);
  for (int i = 0; i < 3; ++i) submit();
  EXPECT_EQ(dispatcher.running(), 3U);
}

TEST_F(DispatcherResizeTest, FewerFinishWhatTheyRun) {
  start(0);
  start(1);
  const TaskRef task = submit();
  const TaskRef other = submit();
  take(0);
  take(1);
  dispatcher.on_resize(1);
  EXPECT_TRUE(port.dismissed.empty());
  const TaskRef next = submit();
  complete(1);
  EXPECT_EQ(port.dismissed, std::set<WorkerIndex>{1});
  die(1);
  EXPECT_TRUE(port.started.empty());
  EXPECT_EQ(next->status(), Task::Status::queued);
  complete(0);
  EXPECT_EQ(dispatcher.expected(0), next.get());
}

TEST_F(DispatcherResizeTest, WhoHasNotLeftYetIsFollowed) {
  start(0);
  start(1);
  submit();
  submit();
  take(0);
  take(1);
  dispatcher.on_resize(1);
  dispatcher.on_resize(2);
  EXPECT_TRUE(port.started.empty());
  complete(1);
  EXPECT_TRUE(port.dismissed.contains(1));
  die(1);
  EXPECT_EQ(port.started, std::vector<WorkerIndex>{1});
}

TEST_F(DispatcherResizeTest, WhoComesTooLateLeaves) {
  start(0);
  begin(1);
  dispatcher.on_resize(1);
  dispatcher.on_ready(1);
  EXPECT_TRUE(port.dismissed.contains(1));
  die(1);
  EXPECT_TRUE(port.started.empty());
}

TEST_F(DispatcherResizeTest, NobodyIsStartedForABrokenPool) {
  dispatcher.on_broken("no");
  dispatcher.on_resize(4);
  EXPECT_TRUE(port.started.empty());
}

// --- deaths in a row ----------------------------------------------------------------------------

class DispatcherIntensityTest : public DispatcherTest {
 protected:
  DispatcherIntensityTest()
      : DispatcherTest({.max_workers = 1, .restart = {.restarts = 2, .within = 10s}}) {}
};

TEST_F(DispatcherIntensityTest, DeathAfterDeathBreaksThePool) {
  start(0);
  const TaskRef queued = submit();
  for (int i = 0; i < 2; ++i) {
    die(0);
    come(0);
  }
  EXPECT_FALSE(dispatcher.is_broken());
  die(0);
  EXPECT_TRUE(dispatcher.is_broken());
  EXPECT_THROW(queued->raise(), BrokenPoolError);
  EXPECT_EQ(port.started.size(), 2U);
}

TEST_F(DispatcherIntensityTest, ATaskThatFinishesWipesTheSlateClean) {
  start(0);
  for (int i = 0; i < 10; ++i) {
    submit();
    complete(0);
    die(0);
    come(0);
  }
  EXPECT_FALSE(dispatcher.is_broken());
}

TEST_F(DispatcherIntensityTest, RareDeathsDoNot) {
  start(0);
  for (int i = 0; i < 10; ++i) {
    die(0);
    come(0);
    pass(6s);
  }
  EXPECT_FALSE(dispatcher.is_broken());
}

TEST_F(DispatcherIntensityTest, WhoWasEndedOnPurposeDoesNotCount) {
  start(0);
  for (int i = 0; i < 10; ++i) {
    const TaskRef task = submit();
    take(0);
    ASSERT_TRUE(dispatcher.on_cancel(*task, Cancel::running));
    die(0, task);
    come(0);
  }
  EXPECT_FALSE(dispatcher.is_broken());
}

TEST_F(DispatcherIntensityTest, TheEndOfAllWorkersBreaksNothing) {
  start(0);
  const TaskRef task = submit({.retries = 3});
  const TaskRef queued = submit();
  take(0);
  dispatcher.on_end_workers();
  EXPECT_EQ(queued->status(), Task::Status::cancelled);
  die(0, task);
  EXPECT_THROW(task->raise(), WorkerLostError);  // no further attempt
  EXPECT_FALSE(dispatcher.is_broken());
  EXPECT_FALSE(dispatcher.has_workers());
  EXPECT_TRUE(port.started.empty());
}

}  // namespace
}  // namespace shoal::pool
