// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "pool/dispatcher.hpp"
#include "simulation/fake_worker.hpp"
#include "simulation/oracle.hpp"
#include "simulation/random.hpp"
#include "simulation/scenario.hpp"
#include "simulation/story.hpp"
#include "simulation/trace.hpp"

namespace shoal::pool::simulation {

/// A pool without processes: plays users, workers, kernel and clock around the real dispatcher, as
/// ProcessPool and Engine play them. One history, decided by its seed.
class World final : public DispatchPort {
 public:
  World(std::uint64_t seed, Trace& trace, Tally& tally);

  /// Goes on until the pool is closed and gone.
  /// @throws RuleBroken
  void run();

 private:
  struct Timer {
    enum class Kind { stall, start, kill };
    std::int64_t due;
    Kind kind;
    WorkerIndex worker;
    std::uint64_t incarnation;
  };

  // What the dispatcher asks for (world_port.cpp).
  Delivery deliver(WorkerIndex index, Task& task) override;
  bool publish(WorkerIndex index) override;
  bool take_back(WorkerIndex index) override;
  void end_run(WorkerIndex index, const Task& part) override;
  void start_worker(WorkerIndex index, Duration delay) override;
  void dismiss(WorkerIndex index) override;
  void announce(Task& task) override;
  void set_stall_timer(Duration delay) override;
  TimePoint now() override { return TimePoint(Duration(now_)); }
  void set_watch(WorkerIndex, TimePoint) override { expect(false, "no worker is watched"); }
  void set_alarm(TimePoint) override { expect(false, "there is no alarm"); }
  std::optional<TimePoint> begun(WorkerIndex, const Task&) override { return std::nullopt; }
  bool ask_to_stop(WorkerIndex, const Task&) override { return false; }
  void ask_user(const TaskRef&) override { expect(false, "nobody is asked"); }
  void announce_room() override { expect(false, "nobody waits for room"); }
  Delivery choose_delivery(const FakeWorker& worker);

  // Turns and time (world.cpp).
  void step();
  void pass_time();
  std::int64_t next_moment();
  void expire(Timer timer);
  void settle_down();

  // Users (world_users.cpp).
  void act();
  void submit();
  void submit_map(unsigned function);
  Story& enter(TaskRef task, unsigned function, Map* map);
  void cancel();
  void cancel(Story& story);
  void drop(Map& map);
  void check_dropped(Map& map);
  void adopt_rest(const Story& story);
  void close();

  // Workers (world_workers.cpp).
  void live(WorkerIndex index);
  void come_up(WorkerIndex index);
  bool meets_fate(WorkerIndex index);
  void work(WorkerIndex index);
  void begin_task(WorkerIndex index);
  void begin_element(WorkerIndex index);
  void end_element(WorkerIndex index);
  void end_task(WorkerIndex index);
  std::uint32_t draw_time(const Story& story);
  void lie(WorkerIndex index);
  void die(WorkerIndex index, const char* how);

  // What the parent notices (world_parent.cpp).
  void collect();
  std::size_t collect(WorkerIndex index);
  void take_result(WorkerIndex index);
  void serve(WorkerIndex index);
  void hear_hello(WorkerIndex index);
  void see_channel_close(WorkerIndex index);
  void see_end(WorkerIndex index);
  void kill(WorkerIndex index) override;
  void arm(std::int64_t delay, Timer::Kind kind, WorkerIndex index);

  WorkerIndex any_worker() { return random_.below(scenario_.workers); }
  Story& story_of(const Task& task) { return *by_task_.at(&task); }
  void note(const char* event, WorkerIndex index = Trace::kNobody, const Story* story = nullptr) {
    trace_.note(now_, event, index, story == nullptr ? Trace::kNobody : story->number);
  }
  /// The dispatcher has been told of something.
  void after_event();

  Random random_;
  Scenario scenario_;
  Trace& trace_;
  Tally& tally_;
  std::deque<Function> functions_;
  std::deque<Story> stories_;  // stay where they are
  std::deque<Map> maps_;
  std::unordered_map<const Task*, Story*> by_task_;
  WaiterLink everybody_;
  std::vector<FakeWorker> workers_;
  std::vector<Timer> timers_;
  std::int64_t now_ = 0;
  unsigned steps_ = 0;
  unsigned submitted_ = 0;
  bool is_stall_timer_set_ = false;
  bool is_looking_for_stalls_ = false;
  bool is_calm_ = false;
  const Story* being_cancelled_ = nullptr;
  bool is_cancelling_all_ = false;
  Oracle oracle_;
  Dispatcher dispatcher_;
};

/// Runs one history; what went wrong, in words, or nothing.
std::string run_history(std::uint64_t seed, Trace& trace, Tally& tally);

}  // namespace shoal::pool::simulation
