// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "pool/dispatcher.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {

// A world in which nothing happens but what a test says.
class FakePort final : public DispatchPort {
 public:
  Delivery deliver(WorkerIndex worker, Task& task) override {
    if (deaf.contains(worker)) return Delivery::refused;
    if (is_full && !delivered[worker].empty()) return Delivery::full;
    if (is_impossible) {
      task.fail_by([] { throw ResourceError("no descriptors"); });
      return Delivery::impossible;
    }
    delivered[worker].push_back(&task);
    return Delivery::done;
  }
  bool publish(WorkerIndex worker) override {
    ++publications;
    return !deaf.contains(worker);
  }
  bool take_back(WorkerIndex worker) override {
    const std::size_t begun = has_taken.contains(worker) ? 1 : 0;
    if (delivered[worker].size() <= begun) return false;
    delivered[worker].pop_back();
    return true;
  }
  void end_run(WorkerIndex, const Task& part) override { ended_runs.push_back(part.ticket); }
  void start_worker(WorkerIndex index, Duration delay) override {
    started.push_back(index);
    delays.push_back(delay);
  }
  void dismiss(WorkerIndex worker) override { dismissed.insert(worker); }
  void announce(Task& task) override { announced.push_back(&task); }
  void set_stall_timer(Duration) override { ++stall_timers; }

  std::map<WorkerIndex, std::vector<Task*>> delivered;
  std::set<WorkerIndex> deaf;
  std::set<WorkerIndex> has_taken;  // those that have begun the first task in their hands
  std::set<WorkerIndex> dismissed;
  std::vector<WorkerIndex> started;
  std::vector<Duration> delays;
  std::vector<Task*> announced;
  std::vector<std::uint64_t> ended_runs;
  int publications = 0;
  int stall_timers = 0;
  bool is_impossible = false;
  bool is_full = false;
};

class DispatcherTest : public testing::Test {
 protected:
  void start(WorkerIndex index) {
    begin(index);
    dispatcher.on_ready(index);
  }
  void begin(WorkerIndex index) {
    dispatcher.expect_start(index);
    dispatcher.on_started(index);
  }
  TaskRef submit() {
    auto task = std::make_shared<Task>(function, Payload());
    dispatcher.on_submit(task);
    return task;
  }
  void complete(WorkerIndex index, std::uint32_t nanoseconds = 1'000'000) {
    port.delivered[index].erase(port.delivered[index].begin());
    dispatcher.on_completed(index, {.nanoseconds = nanoseconds});
    dispatcher.on_collected();
  }
  // Has worker 0 run the function once, in so many nanoseconds.
  void measure(std::uint32_t nanoseconds) {
    submit();
    complete(0, nanoseconds);
  }
  static WorkerEnd end(std::uint64_t taken) {
    WorkerEnd end;
    end.taken = taken;
    end.raise = [](const Task&) { throw WorkerLostError("gone", WorkerLoss{}); };
    return end;
  }
  // A map of `count` elements of four bytes.
  TaskRef submit_map(std::size_t count) {
    internal::ItemBatch items{Writer(), count, sizeof(int), {}};
    for (std::size_t i = 0; i < count; ++i) items.bytes.put(static_cast<int>(i));
    auto task = std::make_shared<Task>(function, Payload());
    task->part = std::make_unique<Part>();
    task->part->batch = std::make_shared<const Batch>(std::move(items));
    task->part->count = count;
    dispatcher.on_submit(task);
    return task;
  }
  // The part in a worker's hands is done, or ends after `items`.
  void complete_items(WorkerIndex index, std::size_t items, std::uint32_t nanoseconds,
                      Task::Status status = Task::Status::finished) {
    port.delivered[index].erase(port.delivered[index].begin());
    dispatcher.on_completed(index,
                            {.status = status, .nanoseconds = nanoseconds, .items = items});
    dispatcher.on_collected();
  }

  Function function{internal::CallTarget{nullptr, 0, 0, "task"}, FunctionSlot{}};
  FakePort port;
  Dispatcher dispatcher{port, 2};
};

}  // namespace shoal::pool
