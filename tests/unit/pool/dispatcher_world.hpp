// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <new>
#include <optional>
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
    if (std::exchange(has_no_memory, false)) throw std::bad_alloc();
    ++publications;
    return !deaf.contains(worker);
  }
  bool take_back(WorkerIndex worker) override {
    if (has_gone_on.contains(worker)) return false;
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
  TimePoint now() override { return time; }
  void set_watch(WorkerIndex worker, TimePoint at) override { watches[worker] = at; }
  void set_alarm(TimePoint at) override { alarm = at; }
  std::optional<TimePoint> begun(WorkerIndex worker, const Task&) override {
    if (!has_taken.contains(worker)) return std::nullopt;
    return begun_at[worker];
  }
  bool ask_to_stop(WorkerIndex worker, const Task& task) override {
    if (!polls.contains(worker)) return false;
    asked.push_back(task.ticket);
    return true;
  }
  void kill(WorkerIndex worker) override { killed.insert(worker); }
  void ask_user(const TaskRef& task) override { questions.push_back(task); }
  void announce_room() override { ++rooms; }
  void look_again() override { ++later_looks; }

  TimePoint time{std::chrono::hours(1)};
  std::map<WorkerIndex, TimePoint> watches;
  std::optional<TimePoint> alarm;
  std::map<WorkerIndex, TimePoint> begun_at;
  std::set<WorkerIndex> polls;  // those whose task looks whether it is to stop
  std::vector<std::uint64_t> asked;
  std::set<WorkerIndex> killed;
  std::vector<TaskRef> questions;
  int rooms = 0;

  std::map<WorkerIndex, std::vector<Task*>> delivered;
  std::set<WorkerIndex> deaf;
  std::set<WorkerIndex> has_taken;  // those that have begun the first task in their hands
  std::set<WorkerIndex> has_gone_on;  // those that have all in their hands behind them, or run it
  std::set<WorkerIndex> dismissed;
  std::vector<WorkerIndex> started;
  std::vector<Duration> delays;
  std::vector<Task*> announced;
  std::vector<std::uint64_t> ended_runs;
  int publications = 0;
  int stall_timers = 0;
  bool is_impossible = false;
  bool is_full = false;
  bool has_no_memory = false;  // at the next publication
  int later_looks = 0;
};

class DispatcherTest : public testing::Test {
 protected:
  explicit DispatcherTest(const DispatchRules& rules = {.max_workers = 2})
      : dispatcher(port, rules) {}

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
  TaskRef submit(TaskOptions options, std::size_t bytes = 0) {
    Writer arguments;
    for (std::size_t i = 0; i < bytes; ++i) arguments.put(std::byte{});
    auto task = std::make_shared<Task>(function, Payload(std::move(arguments)));
    task->policy = std::make_shared<const TaskOptions>(std::move(options));
    dispatcher.on_submit(task);
    return task;
  }
  // The worker begins the first task in its hands.
  void take(WorkerIndex index) {
    port.has_taken.insert(index);
    port.begun_at[index] = port.time;
  }
  // Time passes, and whoever has asked for a look is called.
  void pass(Duration time) {
    port.time += time;
    if (port.alarm && *port.alarm <= port.time) {
      port.alarm.reset();
      dispatcher.on_alarm();
    }
    const auto watches = port.watches;
    for (const auto& [index, at] : watches) {
      if (at > port.time) continue;
      port.watches.erase(index);
      dispatcher.on_watch(index);
    }
  }
  // The worker dies; `taken` is the last task that it may have started, if any.
  void die(WorkerIndex index, const TaskRef& taken = nullptr,
           std::optional<std::size_t> items = 0) {
    port.delivered.erase(index);
    port.has_taken.erase(index);
    WorkerEnd gone = end(taken == nullptr ? 0 : taken->ticket);
    gone.items = items;
    dispatcher.on_ended(index, std::move(gone));
  }
  void come(WorkerIndex index) {
    dispatcher.on_started(index);
    dispatcher.on_ready(index);
  }
  void complete(WorkerIndex index, std::uint32_t nanoseconds = 1'000'000) {
    port.has_taken.erase(index);
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
  TaskRef submit_map(std::size_t count, TaskOptions options = {},
                     const std::shared_ptr<Ledger>& ledger = nullptr) {
    internal::ItemBatch items{Writer(), count, sizeof(int), {}};
    for (std::size_t i = 0; i < count; ++i) items.bytes.put(static_cast<int>(i));
    auto task = std::make_shared<Task>(function, Payload());
    task->part = std::make_unique<Part>();
    task->part->batch = std::make_shared<const Batch>(std::move(items));
    task->part->count = count;
    task->policy = policy_of(std::move(options));
    if (ledger != nullptr) {
      ledger->unsettled += count;
      task->part->ledger = ledger;
      task->part->self = task;
    }
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
  Dispatcher dispatcher;
};

}  // namespace shoal::pool
