// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/explorer.hpp"
#include "model/worker.hpp"
#include "pool/spin_tokens.hpp"

namespace shoal::model {

/// Whose are the tasks, how everybody waits, and what is wrong with them.
struct EnginePlan {
  unsigned callers = 2;
  unsigned workers = 2;
  unsigned tasks = 3;  ///< the first are waited for by one caller each, the others by nobody
  unsigned ahead = 1;  ///< most tasks in flight with a worker
  bool collects_in_passing = false;  ///< who submits, while nobody leads
  bool sleeps_on_words = false;      ///< a leader: on the workers' cq_tails, not on a bell
  bool has_deadline = false;         ///< the last caller's wait, which ends at any moment
  unsigned tokens = 0;               ///< how many may poll at once
  unsigned looks = 0;                ///< most looks of a leader's poll
  bool are_mortal = false;           ///< workers may be killed
  WorkerHabits worker{};
  Weakness post{};
  bool has_one_epoch = false;
  bool looks_before_post = false;    ///< a leader, before it sleeps
  bool leaves_without_look = false;  ///< a leader
  bool leaves_without_post = false;
  bool publishes_without_post = false;
  bool silences_late = false;      ///< after the look, before it sleeps
  bool sleeps_as_polling = false;  ///< without a post
  bool tells_no_sleeping_leader = false;
  bool polls_without_token = false;  ///< a leader
};

/// Callers that submit and wait, the service thread and the workers: pool/engine.cpp and what it
/// calls, on the model, line by line, with tasks that belong to one worker each as long as it
/// lives.
class EngineScenario : public Scenario {
 public:
  explicit EngineScenario(const EnginePlan& plan);

  void prepare() override;
  std::string check() override;

 private:
  static constexpr unsigned kNobody = 99;

  enum class Status { queued, done, lost, dropped };
  struct Task {
    Status status = Status::queued;
    unsigned waiter = kNobody;
    bool is_done() const noexcept { return status != Status::queued; }
  };

  struct Waiter {
    Condition wake{"a waiter's condition"};
    bool is_called = false;
  };

  // A few numbers in a row, without memory of their own to leave behind.
  struct Row {
    std::array<unsigned, 2 * kMostTasks> items{};
    unsigned count = 0;

    void push(unsigned item) noexcept { items[count++] = item; }
    void erase(unsigned item) noexcept {
      count = static_cast<unsigned>(std::remove(items.begin(), items.begin() + count, item) -
                                    items.begin());
    }
    unsigned pop() noexcept {
      const unsigned first = items[0];
      std::copy(items.begin() + 1, items.begin() + count, items.begin());
      --count;
      return first;
    }
  };

  /// The parent's side of one worker.
  struct Standing {
    explicit Standing(const std::string& name) : shared(name) {}

    bool has_tasks() const noexcept { return flight.count > 0; }
    void allow_spin(bool may_spin) { parent->allow_spin(may_spin && !is_gone); }

    Shared shared;
    std::optional<pool::ParentMailbox<Platform>> parent;
    std::optional<Worker> worker;
    std::optional<Event> death;
    Row flight;
    Row backlog;
    bool is_gone = false;
  };

  void run_caller(unsigned caller);
  void submit(unsigned ticket);
  void wait(Task& task, unsigned self);
  void lead(Task& task, unsigned self);
  void stop_leading();
  bool poll(const Task& task, unsigned self);
  bool is_past_deadline(unsigned self);
  void list_words();
  void sleep_unlocked(unsigned self);
  void silence();
  void follow(Task& task, unsigned self);
  void pass_lead();
  void announce(Task& task);

  void serve();
  void on_end(Standing& dead);
  void take_back_untaken(Standing& standing);

  void lock() { mutex_.lock(); }
  void unlock();
  void post(pool::Collector collector);
  void collect();
  void collect(Standing& standing);
  void dispatch(Standing& standing);
  bool has_tasks() const;
  bool take_token();
  unsigned count_idle_spinners() const;

  EnginePlan plan_;
  pool::Board<Platform> board_;
  Mutex mutex_;
  Event leader_ear_{"leader bell"};
  Event leader_own_{"leader's own bell"};
  Event alarm_{"alarm"};  // the deadline has passed
  Event service_ear_{"service bell"};
  std::vector<std::unique_ptr<Waiter>> waiters_;
  std::vector<std::unique_ptr<Standing>> standings_;
  Deeds deeds_;
  std::array<Task, kMostTasks + 1> tasks_;
  Row followers_;
  Row to_wake_;
  unsigned leading_ = kNobody;
  bool is_leader_asleep_ = false;
  pool::Collector posted_ = pool::Collector::service;
  Platform::Atomic<std::uint32_t> leader_word_;
  std::array<Machine::Expected, kMostTasks> words_{};
  std::size_t word_count_ = 0;
  unsigned collected_ = 0;
  std::optional<pool::SpinTokens<Standing>> tokens_;
};

}  // namespace shoal::model
