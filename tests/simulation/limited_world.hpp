// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "pool/dispatcher.hpp"
#include "simulation/oracle.hpp"
#include "simulation/random.hpp"
#include "simulation/trace.hpp"

namespace shoal::pool::simulation {

/// A task with options, as it really went.
struct LimitedStory {
  TaskRef task;
  unsigned number = 0;
  DispatchPort::TimePoint submitted_at;
  unsigned runs = 0;           ///< how often user code has begun
  unsigned announcements = 0;  ///< how often its final status was set
  bool waits = false;          ///< in the backlog, for all the world knows
  bool may_begin = true;       ///< it has not begun, or its last attempt gave a reason for another
  bool is_cancelled = false;   ///< a call of cancel has said so
  bool was_lost = false;       ///< its last attempt
  bool was_over_time = false;  ///< some attempt was ended for that
  bool has_result = false;     ///< a worker has published one
};

/// A place for workers, with a mailbox of plain numbers.
struct LimitedWorker {
  enum class Process { none, starting, alive, dead };
  struct Entry {
    LimitedStory* story;
    std::uint64_t ticket;
    DispatchPort::TimePoint taken_at;
  };

  Process process = Process::none;
  std::uint64_t incarnation = 0;
  std::deque<Entry> entries;         ///< that were not collected
  std::size_t published = 0;         ///< of these
  std::size_t taken = 0;             ///< of these
  std::deque<Task::Status> results;  ///< of the first ones
  bool is_running = false;           ///< the one behind them has begun
  std::uint64_t begun = 0;           ///< the ticket begun last
  DispatchPort::TimePoint begun_at;
  DispatchPort::TimePoint finishes_at;
  DispatchPort::TimePoint front_since;
  bool looks = false;  ///< the task looks whether it is to stop,
  bool heeds = false;  ///< and does
  bool is_asked = false;
  bool has_come = false;
  bool is_killed = false;
  bool is_let_go = false;
  std::uint64_t victim = 0;  ///< the ticket for which it is ended
  unsigned served = 0;       ///< tasks it has been handed, and kept
};

/// Time-outs, grace, retries, priorities, expiry, Cancel::running, room, recycling, resize and the
/// end of all workers, around the real dispatcher. Its workers keep to the protocol: those that do
/// not, and maps, are World's.
class LimitedWorld final : public DispatchPort {
 public:
  LimitedWorld(std::uint64_t seed, Trace& trace, Tally& tally);

  /// Goes on until the pool is closed and gone.
  /// @throws RuleBroken
  void run();

 private:
  static DispatchRules draw_rules(Random& random);

  TimePoint now() override { return now_; }
  Delivery deliver(WorkerIndex index, Task& task) override;
  bool publish(WorkerIndex index) override;
  bool take_back(WorkerIndex index) override;
  void end_run(WorkerIndex, const Task&) override { expect(false, "there are no maps"); }
  void start_worker(WorkerIndex index, Duration delay) override;
  void dismiss(WorkerIndex index) override { workers_[index].is_let_go = true; }
  void announce(Task& task) override;
  void set_stall_timer(Duration delay) override { stall_at_ = now_ + delay; }
  void set_watch(WorkerIndex index, TimePoint at) override { watches_.push_back({at, index}); }
  void set_alarm(TimePoint at) override { alarms_.push_back(at); }
  std::optional<TimePoint> begun(WorkerIndex index, const Task& task) override;
  bool ask_to_stop(WorkerIndex index, const Task& task) override;
  void kill(WorkerIndex index) override;
  void ask_user(const TaskRef& task) override { questions_.push_back(task); }
  void announce_room() override { waits_for_room_ = false; }

  // Users.
  void act();
  void submit();
  TaskOptions draw_options();
  void cancel();
  void resize();
  void close();
  void answer();

  // Workers, and what the parent notices of them.
  void live(WorkerIndex index);
  void come(WorkerIndex index);
  void begin_task(WorkerIndex index);
  void end_task(WorkerIndex index);
  void die(WorkerIndex index);
  std::size_t collect(WorkerIndex index);
  void collect_all();
  void serve(WorkerIndex index);

  // Time.
  void pass_time();
  bool run_out(TimePoint until);
  TimePoint next_moment() const;

  // What must hold.
  void check();
  void check_times() const;
  void check_order(const LimitedStory& story) const;
  void check_end(const LimitedStory& story) const;
  void check_failure(const LimitedStory& story) const;
  bool is_over_time(const LimitedWorker& worker) const;
  Duration timeout_of(const Task& task) const;
  std::size_t in_hands() const;
  LimitedStory& story_of(const Task& task) { return *by_task_.at(&task); }
  void note(const char* event, WorkerIndex index = Trace::kNobody,
            const LimitedStory* story = nullptr) {
    trace_.note(now_.time_since_epoch().count(), event, index,
                story == nullptr ? Trace::kNobody : story->number);
  }

  Random random_;
  Trace& trace_;
  Tally& tally_;
  DispatchRules rules_;
  std::deque<Function> functions_;
  std::deque<LimitedStory> stories_;
  std::unordered_map<const Task*, LimitedStory*> by_task_;
  WaiterLink everybody_;
  std::vector<LimitedWorker> workers_;
  struct Look {
    TimePoint at;
    WorkerIndex worker;
  };
  std::vector<Look> watches_;
  std::vector<TimePoint> alarms_;
  std::optional<TimePoint> stall_at_;
  std::vector<TaskRef> questions_;
  TimePoint now_{std::chrono::hours(1)};
  unsigned tasks_ = 0;
  unsigned wanted_ = 0;
  std::uint32_t death_ = 0;
  std::uint32_t hang_ = 0;
  bool waits_for_room_ = false;
  bool is_closed_ = false;
  bool cancels_ = false;
  bool ends_ = false;
  LimitedStory* being_cancelled_ = nullptr;
  Dispatcher dispatcher_;
};

/// Runs one history; what went wrong, in words, or nothing.
std::string run_limited_history(std::uint64_t seed, Trace& trace, Tally& tally);

}  // namespace shoal::pool::simulation
