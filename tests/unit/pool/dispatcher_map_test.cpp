// SPDX-License-Identifier: Apache-2.0
// Tasks that come later, and maps with a chunk size or a ledger.

#include <memory>
#include <vector>

#include "unit/pool/dispatcher_world.hpp"

namespace shoal::pool {
namespace {

class DispatcherMapTest : public DispatcherTest {
 protected:
  TaskRef expect() {
    auto task = std::make_shared<Task>(function, Payload());
    dispatcher.on_expect(task);
    return task;
  }
  TaskRef submit_chunks(std::size_t count, std::size_t chunksize,
                        const std::shared_ptr<Ledger>& ledger = nullptr) {
    internal::ItemBatch items{Writer(), count, sizeof(int), {}};
    for (std::size_t i = 0; i < count; ++i) items.bytes.put(static_cast<int>(i));
    auto task = std::make_shared<Task>(function, Payload());
    task->part = std::make_unique<Part>();
    task->part->batch = std::make_shared<const Batch>(std::move(items));
    task->part->chunksize = chunksize;
    task->part->count = count;
    if (ledger != nullptr) {
      ledger->unsettled += count;
      task->part->ledger = ledger;
      task->part->self = task;
    }
    dispatcher.on_submit(task);
    return task;
  }
};

TEST_F(DispatcherMapTest, AnExpectedTaskKeepsAClosedPoolFromEnding) {
  start(0);
  const TaskRef task = expect();
  dispatcher.on_close(false);
  EXPECT_FALSE(dispatcher.is_drained());
  EXPECT_TRUE(port.dismissed.empty());
  EXPECT_TRUE(dispatcher.on_arrival(task));
  complete(0);
  EXPECT_TRUE(dispatcher.is_drained());
  EXPECT_EQ(task->status(), Task::Status::finished);
  EXPECT_TRUE(port.dismissed.contains(0));
}

TEST_F(DispatcherMapTest, AnExpectedTaskCanBeCancelledOnce) {
  start(0);
  const TaskRef task = expect();
  EXPECT_EQ(dispatcher.counts().queued, 1U);
  EXPECT_TRUE(dispatcher.on_cancel(*task));
  EXPECT_FALSE(dispatcher.on_cancel(*task));
  EXPECT_FALSE(dispatcher.on_arrival(task));
  EXPECT_EQ(dispatcher.counts().queued, 0U);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
}

TEST_F(DispatcherMapTest, ClosingCanCancelWhatIsExpected) {
  start(0);
  const TaskRef task = expect();
  dispatcher.on_close(true);
  EXPECT_EQ(task->status(), Task::Status::cancelled);
  EXPECT_TRUE(dispatcher.is_drained());
}

TEST_F(DispatcherMapTest, AnExpectedTaskThatDoesNotComeFails) {
  start(0);
  const TaskRef task = expect();
  task->fail_by([] { throw PoolClosedError("no"); });
  dispatcher.on_absence(*task);
  EXPECT_EQ(task->status(), Task::Status::failed);
  EXPECT_TRUE(dispatcher.is_drained());
}

TEST_F(DispatcherMapTest, AFixedChunkSizeOverridesMeasuring) {
  start(0);
  measure(1'000'000'000);  // long: each would go alone
  const TaskRef first = submit_chunks(10, 4);
  ASSERT_EQ(port.delivered[0].size(), 1U);
  EXPECT_EQ(first->part->count, 4U);
  dispatcher.on_stall();
  EXPECT_TRUE(port.ended_runs.empty());  // it stays together
  complete_items(0, 4, 4'000'000);
  EXPECT_EQ(port.delivered[0].front()->part->first, 4U);
  EXPECT_EQ(port.delivered[0].front()->part->count, 4U);
}

TEST_F(DispatcherMapTest, AllPartsAreEnteredInTheLedger) {
  start(0);
  const auto ledger = std::make_shared<Ledger>();
  const TaskRef first = submit_chunks(5, 2, ledger);
  for (const std::size_t count : {2U, 2U, 1U}) complete_items(0, count, 1'000);
  ASSERT_EQ(port.announced.size(), 3U);
  for (Task* const part : port.announced) {
    EXPECT_NE(part->part->ledger, nullptr);
    part->part->ledger = nullptr;
    const bool is_last = part == port.announced.back();
    EXPECT_EQ(ledger->enter(*part), is_last);
    EXPECT_EQ(part->part->self, nullptr);
  }
  EXPECT_EQ(ledger->unsettled, 0U);
  EXPECT_EQ(ledger->failures, 0U);
}

TEST_F(DispatcherMapTest, ALedgerGivesPartsInTheOrderOfTheirEnd) {
  start(0);
  start(1);
  const auto ledger = std::make_shared<Ledger>();
  ledger->gives_parts = true;
  const TaskRef first = submit_chunks(4, 2, ledger);
  const TaskRef second = first->part->rest;
  complete_items(1, 2, 1'000);
  complete_items(0, 1, 1'000, Task::Status::raised);
  for (Task* const part : port.announced) {
    part->part->ledger = nullptr;
    EXPECT_TRUE(ledger->enter(*part));
  }
  EXPECT_EQ(ledger->failures, 1U);
  EXPECT_EQ(ledger->take(), second);
  EXPECT_EQ(ledger->take(), first);
  EXPECT_EQ(ledger->take(), nullptr);
}

TEST_F(DispatcherMapTest, WhatAForgottenMapLeavesIsNotLinked) {
  start(0);
  const auto ledger = std::make_shared<Ledger>();
  const TaskRef first = submit_chunks(4, 2, ledger);
  ledger->is_forgotten = true;
  const TaskRef second = first->part->rest;
  ASSERT_NE(second, nullptr);  // it was split off before
  complete_items(0, 2, 1'000);
  complete_items(0, 0, 1'000, Task::Status::raised);
  EXPECT_EQ(second->part->rest, nullptr);
  EXPECT_EQ(port.delivered[0].size(), 1U);  // yet it runs
  complete_items(0, 1, 1'000);
  for (Task* const part : port.announced) {
    part->part->ledger = nullptr;
    ledger->enter(*part);
  }
  EXPECT_EQ(ledger->unsettled, 0U);
}

}  // namespace
}  // namespace shoal::pool
