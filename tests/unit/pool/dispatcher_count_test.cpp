// SPDX-License-Identifier: Apache-2.0
// What Progress sees of a map.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "dispatcher_world.hpp"

namespace shoal::pool {
namespace {

class DispatcherCountTest : public DispatcherTest {
 protected:
  // A map of ten elements in the hands of worker 0, all at once.
  DispatcherCountTest() {
    start(0);
    const TaskRef known = submit_map(8);  // so many at once have been seen then
    for (int i = 0; i < 2; ++i) complete_items(0, dispatcher.expected(0)->part->count, 8);
    internal::ItemBatch items{Writer(), 10, sizeof(int), {}, counter};
    for (int i = 0; i < 10; ++i) items.bytes.put(i);
    map = std::make_shared<Task>(function, Payload());
    map->part = std::make_unique<Part>();
    map->part->batch = std::make_shared<const Batch>(std::move(items));
    map->part->count = 10;
    dispatcher.on_submit(map);
  }

  std::shared_ptr<std::atomic<std::size_t>> counter =
      std::make_shared<std::atomic<std::size_t>>(0);
  TaskRef map;
};

TEST_F(DispatcherCountTest, EveryElementCountsOnce) {
  ASSERT_EQ(map->part->count, 10U);
  complete_items(0, 4, 4);  // the worker has left off
  EXPECT_EQ(*counter, 4U);
  complete_items(0, 6, 6);
  EXPECT_EQ(*counter, 10U);
}

TEST_F(DispatcherCountTest, OneThatThrowsCountsToo) {
  complete_items(0, 4, 5, Task::Status::raised);
  EXPECT_EQ(*counter, 5U);
}

TEST_F(DispatcherCountTest, OneThatIsLostCountsToo) {
  WorkerEnd gone = end(map->ticket);
  gone.items = 4;
  dispatcher.on_ended(0, std::move(gone));
  EXPECT_EQ(*counter, 5U);
}

TEST_F(DispatcherCountTest, WhatIsCancelledDoesNot) {
  complete_items(0, 4, 4);
  dispatcher.on_close(true);
  EXPECT_EQ(*counter, 4U);
}

}  // namespace
}  // namespace shoal::pool
