// SPDX-License-Identifier: Apache-2.0
// What is handed to a worker ahead of time, and the parts of maps.
#include <algorithm>
#include <numeric>

#include "dispatcher_world.hpp"

namespace shoal::pool {
namespace {

// --- prefetch -----------------------------------------------------------------------------------

TEST_F(DispatcherTest, AnUnknownFunctionIsNotPrefetched) {
  start(0);
  submit();
  EXPECT_EQ(submit()->status(), Task::Status::queued);
  EXPECT_EQ(port.stall_timers, 0);
}

TEST_F(DispatcherTest, ShortTasksArePrefetchedUpToFiftyMicroseconds) {
  start(0);
  measure(10'000);
  for (int i = 0; i < 20; ++i) submit();
  EXPECT_EQ(port.delivered[0].size(), 6U);  // one to run, five behind it
  EXPECT_EQ(dispatcher.counts().prefetch_depth, 5U);
  EXPECT_EQ(port.stall_timers, 1);
}

TEST_F(DispatcherTest, TheSlowestOfTheLastRunsCounts) {
  start(0);
  measure(60'000);
  for (int i = 0; i < 15; ++i) measure(100);
  submit();
  EXPECT_EQ(submit()->status(), Task::Status::queued);
  complete(0, 100);  // the slow one is the seventeenth now
  EXPECT_EQ(submit()->status(), Task::Status::running);
}

TEST_F(DispatcherTest, ShortTasksFillAWorkerBeforeAnotherIsWoken) {
  start(0);
  start(1);
  measure(700);
  for (int i = 0; i < 100; ++i) submit();
  EXPECT_EQ(port.delivered[0].size(), Dispatcher::kMostInHands);
  EXPECT_GT(port.delivered[1].size(), 20U);
}

TEST_F(DispatcherTest, NobodyIsWokenForWhatIsDoneBeforeHeIsUp) {
  start(0);
  start(1);
  measure(100);
  for (int i = 0; i < 200; ++i) submit();
  EXPECT_EQ(port.delivered[0].size(), Dispatcher::kMostInHands);
  EXPECT_TRUE(port.delivered[1].empty());
  EXPECT_EQ(dispatcher.counts().queued, 136U);
  port.has_taken.insert(0);
  dispatcher.on_stall();  // it is not done after all
  EXPECT_EQ(port.delivered[1].size(), Dispatcher::kMostInHands);
}

TEST_F(DispatcherTest, ManyTasksArePublishedAtOnce) {
  start(0);
  measure(100);
  port.publications = 0;
  for (int i = 0; i < 48; ++i) submit();
  EXPECT_EQ(port.delivered[0].size(), 48U);
  EXPECT_EQ(port.publications, 13);  // eight by one, then eight at a time
}

TEST_F(DispatcherTest, AStalledWorkerGivesUpWhatItHasNotBegun) {
  start(0);
  measure(100);
  start(1);
  const TaskRef surprise = submit();
  const WorkerIndex stalled = dispatcher.expected(0) == surprise.get() ? 0 : 1;
  const TaskRef second = submit();
  const TaskRef third = submit();
  port.has_taken.insert(stalled);
  dispatcher.on_stall();
  EXPECT_EQ(surprise->status(), Task::Status::running);
  EXPECT_EQ(dispatcher.counts().revocations, 2U);
  EXPECT_EQ(dispatcher.expected(1 - stalled), second.get());
  EXPECT_EQ(third->status(), Task::Status::running);  // behind it
  EXPECT_EQ(port.delivered[stalled].size(), 1U);
}

TEST_F(DispatcherTest, AWorkerThatMovesOnIsNotStalled) {
  start(0);
  measure(100);
  for (int i = 0; i < 3; ++i) submit();
  complete(0, 100);
  dispatcher.on_stall();
  EXPECT_EQ(dispatcher.counts().revocations, 0U);
  EXPECT_EQ(port.stall_timers, 2);  // looks again
}

TEST_F(DispatcherTest, CancellingAPrefetchedTaskKeepsTheOrderOfTheOthers) {
  start(0);
  measure(100);
  const TaskRef first = submit();
  const TaskRef doomed = submit();
  const TaskRef third = submit();
  const TaskRef fourth = submit();
  port.has_taken.insert(0);
  EXPECT_TRUE(dispatcher.on_cancel(*doomed));
  EXPECT_EQ(port.delivered[0], (std::vector<Task*>{first.get(), third.get(), fourth.get()}));
}

TEST_F(DispatcherTest, ADeathReturnsPrefetchedTasksInTheirOrder) {
  start(0);
  measure(100);
  const TaskRef lost = submit();
  const TaskRef second = submit();
  const TaskRef third = submit();
  dispatcher.on_ended(0, end(lost->ticket));
  EXPECT_EQ(lost->status(), Task::Status::failed);
  port.delivered[0].clear();
  start(0);
  EXPECT_EQ(port.delivered[0], (std::vector<Task*>{second.get(), third.get()}));
}

TEST_F(DispatcherTest, WhatHasNoRoomBehindOthersWaitsForItsTurn) {
  start(0);
  measure(100);
  port.is_full = true;
  submit();
  const TaskRef large = submit();
  EXPECT_EQ(large->status(), Task::Status::queued);
  complete(0, 100);
  EXPECT_EQ(large->status(), Task::Status::running);
}

TEST_F(DispatcherTest, ADeafWorkerGivesUpWhatItHasNotBegun) {
  start(0);
  measure(100);
  const TaskRef first = submit();
  const TaskRef second = submit();
  port.has_taken.insert(0);
  dispatcher.on_deaf(0);
  EXPECT_EQ(first->status(), Task::Status::running);
  EXPECT_EQ(second->status(), Task::Status::queued);
}

// --- parts of maps ------------------------------------------------------------------------------

TEST_F(DispatcherTest, AMapBeginsWithOneElementForEachWorker) {
  start(0);
  start(1);
  const TaskRef first = submit_map(100);
  EXPECT_EQ(first->part->count, 1U);
  EXPECT_EQ(first->part->rest->part->count, 1U);
  EXPECT_EQ(first->part->rest->part->rest->part->count, 98U);
  EXPECT_EQ(dispatcher.counts().queued, 1U);
}

TEST_F(DispatcherTest, ChunksGrowToWhatRunsForFiftyMicroseconds) {
  start(0);
  submit_map(100'000);
  std::vector<std::size_t> sizes;
  while (dispatcher.expected(0) != nullptr) {
    const std::size_t count = dispatcher.expected(0)->part->count;
    sizes.push_back(count);
    complete_items(0, count, static_cast<std::uint32_t>(10 * count));
  }
  EXPECT_EQ(sizes[0], 1U);
  EXPECT_EQ(sizes[1], 8U);
  EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 5'000U);
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), 100'000U);
}

TEST_F(DispatcherTest, LongElementsGoOneByOne) {
  start(0);
  submit_map(10);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(dispatcher.expected(0)->part->count, 1U);
    EXPECT_EQ(port.delivered[0].size(), 1U);
    complete_items(0, 1, 1'000'000);
  }
}

class DispatcherPartTest : public DispatcherTest {
 protected:
  // A map of ten elements, all of them in the hands of worker 0.
  DispatcherPartTest() {
    start(0);
    submit_map(1);
    complete_items(0, 1, 100);
    submit_map(8);
    complete_items(0, 8, 800);
    part = submit_map(10);
  }
  TaskRef part;
};

TEST_F(DispatcherPartTest, WhatAnElementThatThrowsLeavesIsRunOnItsOwn) {
  ASSERT_EQ(part->part->count, 10U);
  complete_items(0, 3, 100, Task::Status::raised);
  EXPECT_EQ(part->part->done, 3U);
  EXPECT_EQ(part->part->count, 4U);  // the fourth has the exception
  EXPECT_EQ(dispatcher.expected(0), part->part->rest.get());
  EXPECT_EQ(part->part->rest->part->first, 4U);
  EXPECT_EQ(part->part->rest->part->count, 6U);
}

TEST_F(DispatcherPartTest, ADeathLosesOneElement) {
  WorkerEnd death = end(part->ticket);
  death.items = 3;
  dispatcher.on_ended(0, std::move(death));
  EXPECT_EQ(part->status(), Task::Status::failed);
  EXPECT_THROW(part->raise(), WorkerLostError);
  EXPECT_EQ(part->part->done, 3U);
  EXPECT_EQ(part->part->count, 4U);
  EXPECT_EQ(part->part->rest->part->count, 6U);
  EXPECT_EQ(part->part->rest->status(), Task::Status::queued);
  EXPECT_EQ(dispatcher.counts().lost, 1U);
}

TEST_F(DispatcherPartTest, ADeathBehindTheLastElementLosesNone) {
  WorkerEnd death = end(part->ticket);
  death.items = 10;
  dispatcher.on_ended(0, std::move(death));
  EXPECT_EQ(part->status(), Task::Status::finished);
  EXPECT_EQ(part->part->done, 10U);
  EXPECT_EQ(dispatcher.counts().lost, 0U);
}

TEST_F(DispatcherPartTest, APartThatEndsForLackOfRoomGoesOn) {
  complete_items(0, 7, 100);
  EXPECT_EQ(part->part->count, 7U);
  EXPECT_EQ(dispatcher.expected(0), part->part->rest.get());
  EXPECT_EQ(part->part->rest->part->count, 3U);
}

TEST_F(DispatcherPartTest, APartThatRunsTooLongIsToEndEarly) {
  EXPECT_GT(port.stall_timers, 0);
  dispatcher.on_stall();  // a timer from before
  EXPECT_TRUE(port.ended_runs.empty());
  dispatcher.on_stall();
  EXPECT_EQ(port.ended_runs, std::vector<std::uint64_t>{part->ticket});
}

TEST_F(DispatcherPartTest, TheRestOfADroppedMapIsCancelled) {
  part->part->is_dropped = true;
  complete_items(0, 3, 100, Task::Status::raised);
  EXPECT_EQ(part->part->rest, nullptr);
  EXPECT_TRUE(dispatcher.is_drained());
}

}  // namespace
}  // namespace shoal::pool
