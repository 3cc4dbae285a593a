// SPDX-License-Identifier: Apache-2.0
#include "pool/dispatcher.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// A world in which nothing happens but what a test says.
class FakePort final : public DispatchPort {
 public:
  Delivery deliver(WorkerId worker, Task& task) override {
    if (deaf.contains(worker)) return Delivery::refused;
    if (is_impossible) {
      task.raise = [] { throw ResourceError("no descriptors"); };
      return Delivery::impossible;
    }
    delivered[worker].push_back(&task);
    return Delivery::done;
  }
  bool take_back(WorkerId worker) override {
    if (has_taken.contains(worker)) return false;
    delivered[worker].pop_back();
    return true;
  }
  void start_worker(unsigned index, Duration delay) override {
    started.push_back(index);
    delays.push_back(delay);
  }
  void dismiss(WorkerId worker) override { dismissed.insert(worker); }
  void announce(Task& task) override { announced.push_back(&task); }

  std::map<WorkerId, std::vector<Task*>> delivered;
  std::set<WorkerId> deaf;
  std::set<WorkerId> has_taken;
  std::set<WorkerId> dismissed;
  std::vector<unsigned> started;
  std::vector<Duration> delays;
  std::vector<Task*> announced;
  bool is_impossible = false;
};

class DispatcherTest : public testing::Test {
 protected:
  void start(WorkerId id, unsigned index = 0) {
    dispatcher.expect_start();
    dispatcher.on_started(id, index);
    dispatcher.on_ready(id);
  }
  TaskRef submit() {
    auto task = std::make_shared<Task>(function, Payload());
    dispatcher.on_submit(task);
    return task;
  }
  void complete(WorkerId id) { dispatcher.on_completed(id, Task::Status::finished, Payload()); }
  static WorkerEnd end(std::uint64_t taken) {
    return {taken, [](const Task&) { throw WorkerLostError("gone", WorkerLoss{}); }};
  }

  Function function{internal::CallTarget{nullptr, 0, 0, "task"}, FunctionSlot{}};
  FakePort port;
  Dispatcher dispatcher{port, 2};
};

TEST_F(DispatcherTest, ATaskWaitsUntilAWorkerIsReady) {
  const TaskRef task = submit();
  EXPECT_EQ(task->status(), Task::Status::queued);
  dispatcher.expect_start();
  dispatcher.on_started(1, 0);
  EXPECT_TRUE(port.delivered[1].empty());
  dispatcher.on_ready(1);
  EXPECT_EQ(task->status(), Task::Status::running);
  EXPECT_EQ(dispatcher.expected(1), task.get());
}

TEST_F(DispatcherTest, AWorkerGetsTheNextTaskWhenItHasDoneOne) {
  start(1);
  const TaskRef first = submit();
  const TaskRef second = submit();
  EXPECT_EQ(port.delivered[1].size(), 1U);
  complete(1);
  EXPECT_EQ(first->status(), Task::Status::finished);
  EXPECT_EQ(port.announced, std::vector<Task*>{first.get()});
  EXPECT_EQ(dispatcher.expected(1), second.get());
}

TEST_F(DispatcherTest, ADeathLosesTheStartedTaskAlone) {
  start(1);
  start(2, 1);
  const TaskRef lost = submit();
  const TaskRef other = submit();
  const WorkerId victim = dispatcher.expected(1) == lost.get() ? 1 : 2;
  dispatcher.on_ended(victim, end(lost->ticket));
  EXPECT_EQ(lost->status(), Task::Status::failed);
  EXPECT_THROW(lost->raise(), WorkerLostError);
  EXPECT_EQ(other->status(), Task::Status::running);
  EXPECT_EQ(port.started.size(), 1U);  // the replacement
  EXPECT_EQ(dispatcher.counts().lost, 1U);
}

TEST_F(DispatcherTest, ATaskThatHadNotStartedRunsElsewhereFirst) {
  start(1);
  const TaskRef task = submit();
  const TaskRef later = submit();
  dispatcher.on_ended(1, end(task->ticket - 1));
  EXPECT_EQ(task->status(), Task::Status::queued);
  start(2);
  EXPECT_EQ(dispatcher.expected(2), task.get());
  EXPECT_EQ(task->attempt, 2);
  EXPECT_EQ(later->status(), Task::Status::queued);
}

TEST_F(DispatcherTest, AQueuedTaskIsCancelledAndSkipped) {
  start(1);
  submit();
  const TaskRef doomed = submit();
  const TaskRef last = submit();
  EXPECT_TRUE(dispatcher.on_cancel(*doomed));
  EXPECT_FALSE(dispatcher.on_cancel(*doomed));
  EXPECT_EQ(doomed->status(), Task::Status::cancelled);
  EXPECT_THROW(doomed->raise(), CancelledError);
  EXPECT_EQ(dispatcher.counts().queued, 1U);
  complete(1);
  EXPECT_EQ(dispatcher.expected(1), last.get());
}

TEST_F(DispatcherTest, ADeliveredTaskIsCancelledOnlyWhileTheWorkerHasNotTakenIt) {
  start(1);
  const TaskRef task = submit();
  port.has_taken.insert(1);
  EXPECT_FALSE(dispatcher.on_cancel(*task));
  port.has_taken.clear();
  EXPECT_TRUE(dispatcher.on_cancel(*task));
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  const TaskRef next = submit();
  EXPECT_EQ(dispatcher.expected(1), next.get());
}

TEST_F(DispatcherTest, ARefusedTaskGoesToAnotherWorker) {
  start(1);
  start(2, 1);
  port.deaf.insert(2);
  const TaskRef task = submit();
  EXPECT_EQ(dispatcher.expected(1), task.get());
  EXPECT_EQ(task->attempt, 1);
}

TEST_F(DispatcherTest, AnImpossibleTaskFailsAlone) {
  start(1);
  port.is_impossible = true;
  const TaskRef task = submit();
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_THROW(task->raise(), ResourceError);
  port.is_impossible = false;
  EXPECT_EQ(submit()->status(), Task::Status::running);
}

TEST_F(DispatcherTest, AClosedPoolLetsItsWorkersGoWhenAllIsDone) {
  start(1);
  const TaskRef task = submit();
  dispatcher.on_close(false);
  EXPECT_TRUE(port.dismissed.empty());
  complete(1);
  EXPECT_TRUE(port.dismissed.contains(1));
  dispatcher.on_ended(1, end(task->ticket));
  EXPECT_FALSE(dispatcher.has_workers());
  EXPECT_TRUE(port.started.empty());
}

TEST_F(DispatcherTest, AWorkerThatGetsReadyTooLateIsLetGo) {
  dispatcher.expect_start();
  dispatcher.on_started(1, 0);
  dispatcher.on_close(false);
  dispatcher.on_ready(1);
  EXPECT_TRUE(port.dismissed.contains(1));
}

TEST_F(DispatcherTest, ClosingWithCancelLeavesWhatRuns) {
  start(1);
  port.has_taken.insert(1);
  const TaskRef running = submit();
  const TaskRef queued = submit();
  dispatcher.on_close(true);
  EXPECT_EQ(running->status(), Task::Status::running);
  EXPECT_EQ(queued->status(), Task::Status::cancelled);
}

TEST_F(DispatcherTest, WorkersThatNeverGetReadyBreakThePool) {
  const TaskRef task = submit();
  WorkerId id = 1;
  for (; !dispatcher.is_broken() && id < 1000; ++id) {
    dispatcher.expect_start();
    dispatcher.on_started(id, 0);
    dispatcher.on_deaf(id);  // as a pool reports a worker whose socket has gone
    dispatcher.on_ended(id, end(0));
  }
  EXPECT_EQ(id, 9U);  // 8 in a row
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_THROW(task->raise(), BrokenPoolError);
  EXPECT_THROW(submit()->raise(), BrokenPoolError);
}

TEST_F(DispatcherTest, FailedStartsAreTriedAgainAndThenBreakThePool) {
  const TaskRef task = submit();
  dispatcher.expect_start();
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
  start(1);
  dispatcher.expect_start();
  for (int i = 0; i < 100; ++i) dispatcher.on_start_failed(1, "fork(): not now");
  EXPECT_FALSE(dispatcher.is_broken());
  EXPECT_EQ(submit()->status(), Task::Status::running);
  EXPECT_EQ(port.started.size(), 100U);
}

TEST_F(DispatcherTest, AClosedPoolThatBreaksLetsEverybodyGo) {
  dispatcher.expect_start();
  dispatcher.on_started(1, 0);  // and never says hello
  const TaskRef task = submit();
  dispatcher.on_close(false);
  dispatcher.expect_start();
  for (int i = 0; i < 8; ++i) dispatcher.on_start_failed(1, "fork(): no");
  EXPECT_TRUE(task->is_done());
  EXPECT_TRUE(port.dismissed.contains(1));
}

TEST_F(DispatcherTest, ADeafWorkerGetsNothingMore) {
  start(1);
  dispatcher.on_deaf(1);
  EXPECT_EQ(submit()->status(), Task::Status::queued);
}

}  // namespace
}  // namespace shoal::pool
