// SPDX-License-Identifier: Apache-2.0
// Further attempts: after deaths and time-outs, of elements of maps, and where the user is asked.
#include <chrono>
#include <memory>
#include <set>

#include "unit/pool/dispatcher_world.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

class DispatcherRetryTest : public DispatcherTest {
 protected:
  DispatcherRetryTest() : DispatcherTest({.max_workers = 2, .grace = 1s}) {}

  // A task that worker 0 runs, and that throws.
  TaskRef submit_thrower(unsigned retries) {
    start(0);
    const TaskRef task = submit({.retries = retries, .retry_if = [](const auto&) { return true; }});
    throw_from(0);
    return task;
  }
  void throw_from(WorkerIndex index) {
    port.has_taken.erase(index);
    port.delivered[index].erase(port.delivered[index].begin());
    dispatcher.on_completed(index, {.status = Task::Status::raised});
    dispatcher.on_collected();
  }
};

class DispatcherCrashRetryTest : public DispatcherTest {
 protected:
  DispatcherCrashRetryTest() : DispatcherTest({.max_workers = 1, .crash_retries = 2}) {}
};

class DispatcherDenialTest : public DispatcherTest {
 protected:
  DispatcherDenialTest() : DispatcherTest({.max_workers = 1, .restart = {1000, 10s}}) {}
};

// Its workers say that they did not begin it, and die: it is what they die of.
TEST_F(DispatcherDenialTest, ATaskThatEveryWorkerDiesBeforeIsLostInTheEnd) {
  start(0);
  const TaskRef task = submit();
  int deaths = 0;
  for (; !task->is_done() && deaths < 1000; ++deaths) {
    EXPECT_EQ(task->attempt, 1);
    die(0);
    come(0);
  }
  EXPECT_THROW(task->raise(), WorkerLostError);
  EXPECT_GE(deaths, 20);
  EXPECT_EQ(dispatcher.counts().lost, 1U);
}

TEST_F(DispatcherDenialTest, WhoStandsBehindItIsNotCharged) {
  start(0);
  measure(1'000);
  const TaskRef first = submit();
  const TaskRef second = submit();
  while (!first->is_done()) {
    die(0);
    come(0);
  }
  EXPECT_EQ(second->status(), Task::Status::running);
}

TEST_F(DispatcherRetryTest, ATaskRunsAgainAsOftenAsItMay) {
  start(0);
  const TaskRef task = submit({.retries = 2});
  for (int attempt = 1; attempt <= 2; ++attempt) {
    EXPECT_EQ(task->attempt, attempt);
    die(0, task);
    ASSERT_EQ(task->status(), Task::Status::queued);
    come(0);
  }
  die(0, task);
  EXPECT_THROW(task->raise(), WorkerLostError);
  EXPECT_EQ(dispatcher.counts().lost, 1U);
}

TEST_F(DispatcherRetryTest, ATimeOutIsTriedAgainToo) {
  start(0);
  const TaskRef task = submit({.timeout = 10ms, .retries = 1});
  take(0);
  pass(10ms);
  die(0, task);
  EXPECT_EQ(task->status(), Task::Status::queued);
  come(0);
  take(0);
  pass(10ms);
  die(0, task);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

TEST_F(DispatcherRetryTest, ATaskThatHeedsRunsAgain) {
  start(0);
  port.polls.insert(0);
  const TaskRef task = submit({.timeout = 10ms, .retries = 1});
  take(0);
  pass(10ms);
  complete(0);
  EXPECT_EQ(dispatcher.expected(0), task.get());
  EXPECT_EQ(task->attempt, 2);
  complete(0);
  EXPECT_EQ(task->status(), Task::Status::finished);
}

TEST_F(DispatcherRetryTest, WhatNobodyBeganIsNoAttempt) {
  start(0);
  const TaskRef task = submit({.retries = 1});
  for (int i = 0; i < 3; ++i) {
    die(0);
    come(0);
  }
  EXPECT_EQ(task->attempt, 1);
  die(0, task);
  EXPECT_EQ(task->status(), Task::Status::queued);
}

TEST_F(DispatcherCrashRetryTest, APoolMayAllowIt) {
  start(0);
  const TaskRef task = submit();
  for (int i = 0; i < 2; ++i) {
    die(0, task);
    ASSERT_EQ(task->status(), Task::Status::queued);
    come(0);
  }
  die(0, task);
  EXPECT_THROW(task->raise(), WorkerLostError);
}

TEST_F(DispatcherCrashRetryTest, APoolAllowsItForDeathsAlone) {
  start(0);
  const TaskRef task = submit({.timeout = 10ms});
  take(0);
  pass(10ms);
  die(0, task);
  EXPECT_THROW(task->raise(), TaskTimeoutError);
}

// --- pauses -------------------------------------------------------------------------------------

TEST_F(DispatcherRetryTest, EachPauseIsTwiceAsLong) {
  start(0);
  const TaskRef task = submit({.retries = 3, .backoff = 100ms});
  for (const Duration pause : {100ms, 200ms, 400ms}) {
    die(0, task);
    come(0);
    pass(pause - 1ms);
    EXPECT_EQ(dispatcher.running(), 0U);
    EXPECT_FALSE(dispatcher.is_drained());
    pass(1ms);
    EXPECT_EQ(dispatcher.expected(0), task.get());
  }
}

TEST_F(DispatcherRetryTest, JitterSpreadsWithinItsPart) {
  start(0);
  std::set<Duration> pauses;
  for (int i = 0; i < 50; ++i) {
    const TaskRef task = submit({.retries = 1, .backoff = 100ms, .jitter = 0.5});
    port.alarm.reset();
    die(0, task);
    come(0);
    ASSERT_TRUE(port.alarm);
    const Duration pause = *port.alarm - port.time;
    EXPECT_GE(pause, 50ms);
    EXPECT_LE(pause, 150ms);
    pauses.insert(pause);
    pass(pause);
    complete(0);
  }
  EXPECT_GT(pauses.size(), 40U);
  EXPECT_LT(*pauses.begin(), 75ms);
  EXPECT_GT(*pauses.rbegin(), 125ms);
}

TEST_F(DispatcherRetryTest, APauseCanBeCancelled) {
  start(0);
  const TaskRef task = submit({.retries = 1, .backoff = 100ms});
  die(0, task);
  come(0);
  EXPECT_TRUE(dispatcher.on_cancel(*task));
  EXPECT_FALSE(dispatcher.on_cancel(*task));
  EXPECT_TRUE(dispatcher.is_drained());
  pass(1s);
  EXPECT_EQ(dispatcher.running(), 0U);
  EXPECT_EQ(dispatcher.queued(), 0U);
}

TEST_F(DispatcherRetryTest, AClosedPoolWaitsForPauses) {
  start(0);
  const TaskRef task = submit({.retries = 1, .backoff = 100ms});
  die(0, task);
  dispatcher.on_close(false);
  come(0);
  EXPECT_TRUE(port.dismissed.empty());
  pass(100ms);
  complete(0);
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherRetryTest, ClosingCanCancelWhateverWaits) {
  start(0);
  start(1);
  const TaskRef delayed = submit({.retries = 1, .backoff = 100ms});
  const WorkerIndex first = dispatcher.holder_of(*delayed).value();
  die(first, delayed);
  come(first);
  const TaskRef thrower = submit({.retries = 1, .retry_if = [](const auto&) { return true; }});
  throw_from(dispatcher.holder_of(*thrower).value());
  port.polls = {0, 1};
  const TaskRef asked = submit({.timeout = 10ms, .retries = 1});
  const WorkerIndex last = dispatcher.holder_of(*asked).value();
  take(last);
  pass(10ms);
  dispatcher.on_close(true);
  EXPECT_EQ(delayed->status(), Task::Status::cancelled);
  EXPECT_FALSE(asked->is_done());
  complete(last);
  EXPECT_THROW(asked->raise(), TaskTimeoutError);
  EXPECT_FALSE(dispatcher.is_drained());
  dispatcher.on_answer(thrower, true);
  EXPECT_EQ(thrower->status(), Task::Status::raised);
  EXPECT_TRUE(dispatcher.is_drained());
  EXPECT_EQ(port.dismissed.size(), 2U);
}

TEST_F(DispatcherRetryTest, ABrokenPoolFailsWhatWaits) {
  start(0);
  const TaskRef delayed = submit({.retries = 1, .backoff = 100ms});
  die(0, delayed);
  come(0);
  const TaskRef thrower = submit({.retries = 1, .retry_if = [](const auto&) { return true; }});
  throw_from(0);
  dispatcher.on_broken("no");
  EXPECT_THROW(delayed->raise(), BrokenPoolError);
  dispatcher.on_answer(thrower, true);
  EXPECT_THROW(thrower->raise(), BrokenPoolError);
  EXPECT_TRUE(dispatcher.is_drained());
}

// --- the user is asked --------------------------------------------------------------------------

TEST_F(DispatcherRetryTest, ATaskThatThrewRunsAgainIfItsUserSaysSo) {
  const TaskRef task = submit_thrower(1);
  ASSERT_EQ(port.questions, std::vector<TaskRef>{task});
  EXPECT_EQ(task->status(), Task::Status::queued);
  EXPECT_FALSE(dispatcher.is_drained());
  dispatcher.on_answer(task, true);
  EXPECT_EQ(dispatcher.expected(0), task.get());
  throw_from(0);  // the last attempt
  EXPECT_EQ(port.questions.size(), 1U);
  EXPECT_EQ(task->status(), Task::Status::raised);
  EXPECT_EQ(dispatcher.counts().failed, 1U);
}

TEST_F(DispatcherRetryTest, ATaskThatThrewHasThrownIfItsUserSaysSo) {
  const TaskRef task = submit_thrower(1);
  dispatcher.on_answer(task, false);
  EXPECT_EQ(task->status(), Task::Status::raised);
  EXPECT_TRUE(dispatcher.is_drained());
}

TEST_F(DispatcherRetryTest, ATaskIsCancelledWhileItsUserThinks) {
  const TaskRef task = submit_thrower(1);
  EXPECT_TRUE(dispatcher.on_cancel(*task));
  dispatcher.on_answer(task, true);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  EXPECT_TRUE(dispatcher.is_drained());
  EXPECT_EQ(dispatcher.queued(), 0U);
}

// --- maps ---------------------------------------------------------------------------------------

TEST_F(DispatcherRetryTest, OnlyTheElementThatWasLostRunsAgain) {
  start(0);
  measure(1'000);
  const TaskRef map = submit_map(6, {.retries = 1});
  ASSERT_EQ(map->part->count, 6U);
  die(0, map, 2);
  EXPECT_EQ(map->status(), Task::Status::finished);
  EXPECT_EQ(map->part->done, 2U);
  const TaskRef again = map->part->rest;
  EXPECT_EQ(again->part->first, 2U);
  EXPECT_EQ(again->part->count, 1U);
  const TaskRef others = again->part->rest;
  EXPECT_EQ(others->part->first, 3U);
  EXPECT_EQ(others->part->count, 3U);
  come(0);
  ASSERT_EQ(dispatcher.expected(0), again.get());  // in their order
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(others->status() == Task::Status::running ? others->attempt : 1, 1);
  die(0, again, 0);
  EXPECT_THROW(again->raise(), WorkerLostError);
  EXPECT_FALSE(others->is_done());
}

TEST_F(DispatcherRetryTest, TheFirstElementOfAPartRunsAgainByItself) {
  start(0);
  measure(1'000);
  const TaskRef map = submit_map(4, {.retries = 1});
  die(0, map, 0);
  EXPECT_EQ(map->status(), Task::Status::queued);
  EXPECT_EQ(map->part->count, 1U);
  EXPECT_EQ(map->part->rest->part->first, 1U);
  EXPECT_EQ(dispatcher.queued(), 2U);
}

TEST_F(DispatcherRetryTest, ALedgerIsToldOfEveryElementOnce) {
  start(0);
  measure(1'000);
  const auto ledger = std::make_shared<Ledger>();
  const TaskRef map = submit_map(4, {.retries = 1}, ledger);
  die(0, map, 1);
  come(0);
  while (dispatcher.expected(0) != nullptr) {
    complete_items(0, dispatcher.expected(0)->part->count, 1'000);
  }
  for (Task* const part : port.announced) {
    part->part->ledger = nullptr;
    ledger->enter(*part);
  }
  EXPECT_EQ(port.announced.size(), 3U);
  EXPECT_EQ(ledger->unsettled, 0U);
  EXPECT_EQ(ledger->failures, 0U);
}

TEST_F(DispatcherRetryTest, AnElementThatTimesOutRunsAgainAfterAPause) {
  start(0);
  measure(1'000);
  const TaskRef map = submit_map(3, {.timeout = 10ms, .retries = 1, .backoff = 100ms});
  take(0);
  pass(10ms);
  ASSERT_TRUE(port.killed.contains(0));  // without grace: others are behind it
  die(0, map, 1);
  come(0);
  ASSERT_NE(dispatcher.expected(0), nullptr);
  EXPECT_EQ(dispatcher.expected(0)->part->first, 2U);  // the one that is left goes first
  complete_items(0, 1, 1'000);
  pass(100ms);
  ASSERT_NE(dispatcher.expected(0), nullptr);
  EXPECT_EQ(dispatcher.expected(0)->part->first, 1U);
}

}  // namespace
}  // namespace shoal::pool
