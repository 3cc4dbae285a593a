// SPDX-License-Identifier: Apache-2.0
#include "pool/dispatcher.hpp"

#include "dispatcher_world.hpp"

namespace shoal::pool {
namespace {

TEST_F(DispatcherTest, ATaskWaitsUntilAWorkerIsReady) {
  const TaskRef task = submit();
  EXPECT_EQ(task->status(), Task::Status::queued);
  begin(0);
  EXPECT_TRUE(port.delivered[0].empty());
  dispatcher.on_ready(0);
  EXPECT_EQ(task->status(), Task::Status::running);
  EXPECT_EQ(dispatcher.expected(0), task.get());
}

TEST_F(DispatcherTest, AWorkerGetsTheNextTaskWhenItHasDoneOne) {
  start(0);
  const TaskRef first = submit();
  const TaskRef second = submit();
  EXPECT_EQ(port.delivered[0].size(), 1U);
  complete(0);
  EXPECT_EQ(first->status(), Task::Status::finished);
  EXPECT_EQ(dispatcher.expected(0), second.get());
}

TEST_F(DispatcherTest, OnlyThoseWhoWaitAreTold) {
  start(0);
  submit();
  const TaskRef waited_for = submit();
  Waiter waiter;
  WaiterLink link{&waiter};
  add_link(waited_for->waiters, link);
  complete(0);
  EXPECT_TRUE(port.announced.empty());
  complete(0);
  EXPECT_EQ(port.announced, std::vector<Task*>{waited_for.get()});
}

TEST_F(DispatcherTest, ADeathLosesTheStartedTaskAlone) {
  start(0);
  start(1);
  const TaskRef lost = submit();
  const TaskRef other = submit();
  const WorkerIndex victim = dispatcher.expected(0) == lost.get() ? 0 : 1;
  dispatcher.on_ended(victim, end(lost->ticket));
  EXPECT_EQ(lost->status(), Task::Status::failed);
  EXPECT_THROW(lost->raise(), WorkerLostError);
  EXPECT_EQ(other->status(), Task::Status::running);
  EXPECT_EQ(port.started.size(), 1U);  // the replacement
  EXPECT_EQ(dispatcher.counts().lost, 1U);
}

TEST_F(DispatcherTest, ATaskThatHadNotStartedRunsElsewhereFirst) {
  start(0);
  const TaskRef task = submit();
  const TaskRef later = submit();
  dispatcher.on_ended(0, end(task->ticket - 1));
  EXPECT_EQ(task->status(), Task::Status::queued);
  start(0);
  EXPECT_EQ(dispatcher.expected(0), task.get());
  EXPECT_EQ(task->attempt, 1);  // nothing of it has run
  EXPECT_EQ(later->status(), Task::Status::queued);
}

TEST_F(DispatcherTest, AQueuedTaskIsCancelledAndSkipped) {
  start(0);
  submit();
  const TaskRef doomed = submit();
  const TaskRef last = submit();
  EXPECT_TRUE(dispatcher.on_cancel(*doomed));
  EXPECT_FALSE(dispatcher.on_cancel(*doomed));
  EXPECT_EQ(doomed->status(), Task::Status::cancelled);
  EXPECT_THROW(doomed->raise(), CancelledError);
  EXPECT_EQ(dispatcher.counts().queued, 1U);
  complete(0);
  EXPECT_EQ(dispatcher.expected(0), last.get());
}

TEST_F(DispatcherTest, ADeliveredTaskIsCancelledOnlyWhileTheWorkerHasNotTakenIt) {
  start(0);
  const TaskRef task = submit();
  port.has_taken.insert(0);
  EXPECT_FALSE(dispatcher.on_cancel(*task));
  port.has_taken.clear();
  EXPECT_TRUE(dispatcher.on_cancel(*task));
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  const TaskRef next = submit();
  EXPECT_EQ(dispatcher.expected(0), next.get());
}

TEST_F(DispatcherTest, ARefusedTaskGoesToAnotherWorker) {
  start(0);
  start(1);
  port.deaf.insert(1);
  const TaskRef task = submit();
  EXPECT_EQ(dispatcher.expected(0), task.get());
  EXPECT_EQ(task->attempt, 1);
}

TEST_F(DispatcherTest, AnImpossibleTaskFailsAlone) {
  start(0);
  port.is_impossible = true;
  const TaskRef task = submit();
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_THROW(task->raise(), ResourceError);
  port.is_impossible = false;
  EXPECT_EQ(submit()->status(), Task::Status::running);
}

// --- ends ---------------------------------------------------------------------------------------

TEST_F(DispatcherTest, AClosedPoolLetsItsWorkersGoWhenAllIsDone) {
  start(0);
  const TaskRef task = submit();
  dispatcher.on_close(false);
  EXPECT_TRUE(port.dismissed.empty());
  complete(0);
  EXPECT_TRUE(port.dismissed.contains(0));
  dispatcher.on_ended(0, end(task->ticket));
  EXPECT_FALSE(dispatcher.has_workers());
  EXPECT_TRUE(port.started.empty());
}

TEST_F(DispatcherTest, AWorkerThatGetsReadyTooLateIsLetGo) {
  begin(0);
  dispatcher.on_close(false);
  dispatcher.on_ready(0);
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherTest, ClosingWithCancelLeavesWhatRuns) {
  start(0);
  port.has_taken.insert(0);
  const TaskRef running = submit();
  const TaskRef queued = submit();
  dispatcher.on_close(true);
  EXPECT_EQ(running->status(), Task::Status::running);
  EXPECT_EQ(queued->status(), Task::Status::cancelled);
}

TEST_F(DispatcherTest, WorkersThatNeverGetReadyBreakThePool) {
  const TaskRef task = submit();
  dispatcher.expect_start(0);
  int starts = 0;
  for (; !dispatcher.is_broken() && starts < 1000; ++starts) {
    dispatcher.on_started(0);
    dispatcher.on_deaf(0);  // as a pool reports a worker whose socket has gone
    dispatcher.on_ended(0, end(0));
  }
  EXPECT_EQ(starts, 8);  // in a row
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_THROW(task->raise(), BrokenPoolError);
  EXPECT_THROW(submit()->raise(), BrokenPoolError);
}

TEST_F(DispatcherTest, FailedStartsAreTriedAgainAndThenBreakThePool) {
  const TaskRef task = submit();
  dispatcher.expect_start(0);
  for (int i = 0; i < 7; ++i) dispatcher.on_start_failed(0, "fork(): no");
  EXPECT_EQ(port.started.size(), 7U);
  EXPECT_FALSE(dispatcher.is_broken());
  EXPECT_EQ(port.delays[0], Duration::zero());
  EXPECT_LT(port.delays[5], port.delays[6]);  // longer and longer
  dispatcher.on_start_failed(0, "fork(): no");
  EXPECT_NE(dispatcher.broken_reason().find("fork(): no"), std::string::npos);
  EXPECT_TRUE(task->is_done());
}

TEST_F(DispatcherTest, AShortageLeavesThoseWhoWorkAtWork) {
  start(0);
  dispatcher.expect_start(1);
  for (int i = 0; i < 100; ++i) dispatcher.on_start_failed(1, "fork(): not now");
  EXPECT_FALSE(dispatcher.is_broken());
  EXPECT_EQ(submit()->status(), Task::Status::running);
  EXPECT_EQ(port.started.size(), 100U);
}

TEST_F(DispatcherTest, AClosedPoolThatBreaksLetsEverybodyGo) {
  begin(0);  // and never says hello
  const TaskRef task = submit();
  dispatcher.on_close(false);
  dispatcher.expect_start(1);
  for (int i = 0; i < 8; ++i) dispatcher.on_start_failed(1, "fork(): no");
  EXPECT_TRUE(task->is_done());
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherTest, ADeafWorkerGetsNothingMore) {
  start(0);
  dispatcher.on_deaf(0);
  EXPECT_EQ(submit()->status(), Task::Status::queued);
}

TEST_F(DispatcherTest, WhatCannotBeHandedOutForLackOfMemoryIsHandedOutLater) {
  start(0);
  port.has_no_memory = true;
  const TaskRef task = submit();  // does not throw: the task is there
  EXPECT_EQ(port.publications, 0);
  EXPECT_TRUE(dispatcher.is_pump_due());
  EXPECT_EQ(port.later_looks, 1);
  dispatcher.on_collected();
  EXPECT_EQ(port.publications, 1);
  EXPECT_FALSE(dispatcher.is_pump_due());
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
}

}  // namespace
}  // namespace shoal::pool
