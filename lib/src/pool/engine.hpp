// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/log.hpp"
#include "memory/mapping.hpp"
#include "os/event.hpp"
#include "os/futex.hpp"
#include "os/lasting_fd.hpp"
#include "pool/function_table.hpp"
#include "pool/log_relay.hpp"
#include "pool/notifier.hpp"
#include "pool/spin_tokens.hpp"
#include "pool/task.hpp"
#include "pool/worker_memory.hpp"
#include "process/spawner.hpp"
#include "sync/spin_history.hpp"

namespace shoal::pool {

/// Names one incarnation of a worker, or a timer; never used again.
using WorkerId = std::uint64_t;

class Incarnation;
class ProcessPool;

/// What all pools of one process share: the lock, the board, and the service thread.
///
/// Results are collected by the first thread that waits for one, on behalf of all (the *leader*);
/// the others (*followers*) sleep until their task is done or the lead falls to them. While nobody
/// waits, the service thread collects, and so does, in passing, whoever submits while much is
/// queued. Deaths and time limits are the service thread's alone.
///
/// A leader polls for a while before it sleeps, if a spin token is free. The board says how it
/// waits, so that workers ring the right bell, or none. Once a leader is gone and nothing is in
/// flight, the board goes on saying what it said: the next task to be published corrects it.
///
/// Lock order: the engine's lock is taken last, and is never held while sleeping, encoding,
/// decoding or running a user's code (a log sink is a user's code, too). Arguments that need a file
/// of their own are written to it under the lock.
class Engine {
 public:
  /// The engine of this process, made at first use; a forked child makes its own.
  /// @throws ResourceError  the board or its descriptors could not be made
  static Engine& instance();

  /// Holds the engine's lock; on release, first unlocks, then wakes the workers and posts the
  /// errands, notices and callbacks that were put on the lists meanwhile.
  class Lock {
   public:
    explicit Lock(Engine& engine) : engine_(engine), lock_(engine.mutex_) {}
    ~Lock() {
      if (lock_.owns_lock()) unlock();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    void unlock();
    void lock() { lock_.lock(); }
    std::unique_lock<std::mutex>& native() noexcept { return lock_; }

   private:
    Engine& engine_;
    std::unique_lock<std::mutex> lock_;
  };

  /// Waits until `task` is done, collecting for everybody if nobody else does; false at `deadline`.
  bool wait(Task& task, base::Deadline deadline);
  /// Waits, collecting likewise, until `self` has what it wants; false at `deadline`. Its links
  /// stand at its tasks, and are removed by the caller.
  bool wait(Lock& lock, Waiter& self, base::Deadline deadline);
  /// Waits likewise until `ledger` has news, polling for `spin`.
  bool wait(Lock& lock, Ledger& ledger, Duration spin, base::Deadline deadline);
  /// Has `callback` called on the notifier thread once `task` is done; if it is, here and now.
  void call_when_done(Task& task, std::unique_ptr<Callback> callback);
  /// Likewise once all that is entered in `ledger` is settled.
  void call_when_done(Ledger& ledger, std::unique_ptr<Callback> callback);

  /// Cancels `task` if it has not started, or, by Cancel::running, ends it.
  bool cancel(Task& task, Cancel reach);
  /// How far a task that runs says it is; none if it has said nothing.
  std::optional<double> progress(const Task& task);
  /// Cancels what has not started of a map, from this part on; nobody wants it any more.
  void drop(TaskRef first);

  FunctionTable& functions() noexcept { return functions_; }
  Notifier& notifier() noexcept { return notifier_; }
  LogRelay& logs() noexcept { return *logs_; }
  WorkerId next_worker_id() noexcept { return next_worker_id_++; }
  std::uint32_t next_pool_number() noexcept { return next_pool_number_++; }

  /// What workers are given: the board, and the buttons of the two bells.
  const std::shared_ptr<const UniqueFd>& board_file() const noexcept { return board_file_; }
  const std::shared_ptr<const UniqueFd>& leader_button() const noexcept { return leader_.button; }
  const std::shared_ptr<const UniqueFd>& service_button() const noexcept { return service_.button; }

  /// Has the service thread look for what workers keep and has gone here.
  const std::shared_ptr<os::EndBell>& end_bell() const noexcept { return end_bell_; }

  // All below are called with the lock held.
  void add(std::shared_ptr<ProcessPool> pool);
  /// The pool of that number; none once it has ended.
  std::shared_ptr<ProcessPool> find(std::uint32_t pool_number) const;
  void remove(const ProcessPool& pool);
  /// Watches a worker's sentinel (its end) and control socket (its hello, and its loss).
  os::Result<void> watch(WorkerId worker, ProcessPool& pool, int sentinel, int control);
  /// From now on the control socket is reported only once its peer is gone.
  void watch_for_end(WorkerId worker, int control);
  void stop_watching(int control);
  /// Says whose a timer of `worker` is that no process has yet.
  void own(WorkerId worker, ProcessPool& pool) { owners_[worker].pool = &pool; }
  void disown(WorkerId worker) noexcept { owners_.erase(worker); }
  void unwatch(WorkerId worker, int sentinel, int control) noexcept;
  /// Puts a worker's bell on the list of those to wake once the lock is free.
  void wake_later(const std::atomic<std::uint32_t>& bell) noexcept;
  /// Has `errand` run by the spawner once the lock is free, behind the wakes.
  void spawn_later(std::function<void()> errand) { errands_.push_back(std::move(errand)); }
  /// Has whoever collects do so once more.
  void look_again() noexcept;
  /// Has users' code called on the notifier thread, once the lock is free: it may block, or come
  /// back to us.
  void call_later(std::function<void()> notice) {
    notices_.push_back(std::move(notice));
    ++unposted_;
  }
  /// Writes what `make_text` gives to the log likewise: a sink is users' code, too. Without the
  /// memory for it, nothing is written.
  template <class MakeText>
  void log_later(LogLevel level, MakeText make_text) noexcept {
    try {
      call_later([level, text = make_text()] { base::log(level, text); });
    } catch (const std::bad_alloc&) {
    }
  }
  /// Sees to it that somebody collects what workers are about to be handed.
  void expect_results() {
    if (leading_ == nullptr && posted_ != Collector::service) post(Collector::service);
  }
  bool has_leader() const noexcept { return leading_ != nullptr; }
  /// Has a leader that sleeps look again.
  void rouse_leader();
  SpinTokens<Incarnation>& spin_tokens() noexcept { return spin_tokens_; }
  /// How often a leader has polled.
  std::uint64_t spins() const noexcept { return spins_; }
  /// Calls ProcessPool::on_timeout for `worker`, which has an owner, at `deadline`, if it has one
  /// then. Without the memory for it now, it is seen to later.
  void arm(base::Deadline deadline, WorkerId worker) noexcept;
  /// Wakes those who wait for `task`, whose status is final, and has its callbacks called.
  void announce(Task& task);

 private:
  // A place to sleep: workers ring one bell, this process another, which workers do not have.
  struct Bedside {
    os::Fd ear;
    std::shared_ptr<const UniqueFd> button;
    os::Fd own;

    static Bedside make();
    void silence() const noexcept;
  };

  // Whose a worker or a timer is.
  struct Owner {
    ProcessPool* pool = nullptr;
    base::Deadline late_timer = base::Deadline::never();  // that there was no memory for
  };

  Engine();
  void give_notice();
  void listen();
  void serve();
  base::Deadline serve_once(base::Deadline next);
  void handle(std::uint64_t key);
  void collect();
  bool has_tasks() const;
  void expire();
  void arm_late_timers() noexcept;
  void post(Collector collector) {
    posted_ = collector;
    board().post(collector);
  }
  bool lead(Lock& lock, Waiter& self, base::Deadline deadline);
  void stop_leading();
  bool poll(Lock& lock, const Waiter& self, base::Deadline deadline);
  bool list_words();
  bool sleep(Lock& lock, base::Deadline deadline, bool on_words);
  void follow(Lock& lock, Waiter& self, base::Deadline deadline);
  void tell(WaiterLink* link, bool has_failed);
  void call(Waiter& waiter);
  void pass_lead();
  SharedBoard& board() noexcept;
  std::shared_ptr<ProcessPool> owner_of(WorkerId worker);

  std::mutex mutex_;
  FunctionTable functions_;
  memory::Mapping board_map_;
  std::shared_ptr<const UniqueFd> board_file_;
  Bedside leader_ = Bedside::make();
  Bedside service_ = Bedside::make();
  const std::shared_ptr<os::EndBell> end_bell_ = std::make_shared<os::EndBell>(service_.button);
  std::optional<os::Poller> poller_;
  std::vector<std::shared_ptr<ProcessPool>> pools_;
  std::unordered_map<WorkerId, Owner> owners_;
  bool has_late_timers_ = false;
  std::multimap<base::Deadline, WorkerId> timers_;
  std::vector<const std::atomic<std::uint32_t>*> to_wake_;
  std::deque<std::function<void()>> notices_;  // for the notifier thread
  process::Spawner::Errands errands_;
  std::size_t unposted_ = 0;       // of these, the last
  WaiterLink* to_call_ = nullptr;  // Callbacks
  WaiterLink* last_to_call_ = nullptr;
  base::Deadline serving_until_ = base::Deadline::never();  // when the service thread looks again
  Waiter* leading_ = nullptr;  // who collects; none: the service thread
  bool is_leader_asleep_ = false;
  std::atomic<std::uint32_t> leader_word_{0};  // changes when the leader is to look again
  std::vector<os::FutexWord> words_;           // what the leader sleeps on
  bool can_wait_on_words_ = true;              // as far as is known
  Collector posted_ = Collector::service;      // what the board says
  SpinTokens<Incarnation> spin_tokens_;
  sync::SpinHistory spin_history_;
  std::uint64_t spins_ = 0;
  std::uint64_t collected_ = 0;
  Notifier notifier_;
  std::optional<LogRelay> logs_;
  std::deque<Waiter*> followers_;
  std::atomic<WorkerId> next_worker_id_{1};
  std::atomic<std::uint32_t> next_pool_number_{1};
};

}  // namespace shoal::pool
