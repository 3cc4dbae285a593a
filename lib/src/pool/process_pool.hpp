// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "pool/black_box.hpp"
#include "pool/certificate.hpp"
#include "pool/dispatcher.hpp"
#include "pool/engine.hpp"
#include "pool/incarnation.hpp"
#include "pool/pool_observer.hpp"
#include "pool/worker_memory.hpp"
#include "process/confinement.hpp"
#include "process/source.hpp"
#include "shoal/function.hpp"
#include "shoal/process_pool_executor.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// The workers of one executor: carries out what the dispatcher decides. Lives until its last
/// worker is gone, which may be after the executor.
class ProcessPool final : public DispatchPort, public TaskHome {
 public:
  /// Starts the workers.
  /// @throws StartError  one could not be started; those that were are ended
  static std::shared_ptr<ProcessPool> open(const PoolOptions& options);
  std::shared_ptr<ProcessPool> self() {
    return std::static_pointer_cast<ProcessPool>(shared_from_this());
  }

  /// Waits while the pool's queue is full; none if it is, and `may_wait` says not to.
  /// @throws PoolClosedError, CodecError, ResourceError  nothing was queued
  TaskRef submit(const internal::CallTarget& call, Writer&& arguments,
                 const internal::Submission& how = {});
  /// Queues a map; gives the first part of it, if there is any.
  /// @throws as submit()
  TaskRef submit(const internal::CallTarget& call, std::vector<internal::ItemBatch>&& batches,
                 const MapOptions& options, const std::shared_ptr<Ledger>& ledger = nullptr);
  /// Where large arguments are written.
  internal::WriterMemory& argument_memory() noexcept { return argument_memory_; }
  void close(bool cancel_queued);
  /// Closes it, cancels what has not started, and kills every worker.
  bool is_closed();
  /// Waits until no task and no worker is left of a closed pool, and its users have been told all.
  void join();
  PoolStats stats();
  /// Begins a timeline; none: ends the one there is.
  void trace(std::shared_ptr<Trace> trace);
  void resize(unsigned max_workers);
  /// Closes the pool, cancels what has not started, and sends all workers the signal; those that
  /// are there after a grace time are killed.
  void end_workers(int signal);
  /// Names it among all pools there ever were.
  std::uint32_t number() const noexcept { return number_; }
  /// How many workers it has when none is missing.
  std::size_t worker_places() const noexcept { return workers_.size(); }
  /// How long to poll for a result before sleeping.
  Duration spin() const noexcept override { return options_.spin; }

  // For what follows a task, without the engine's lock (continuation.cpp).
  /// Makes `task` one that is fed or failed later; false if the pool has been shut down.
  bool expect(const TaskRef& task);
  /// Submits `task`, which was expected, unless it has been cancelled.
  /// @throws ResourceError  nothing was queued
  void feed(const TaskRef& task, Writer&& arguments);
  /// Fails `task`, which was expected, by what `thrower` throws, unless it has been cancelled; by
  /// std::bad_alloc where there is none.
  void fail(const TaskRef& task, std::function<void()> thrower);

  // For the engine, without its lock.
  void on_end(WorkerId id);
  void on_control(WorkerId id);
  // For the engine, with its lock.
  /// Takes in all results there are, and tells how many.
  std::size_t collect();
  /// Lets workers know what they keep that has gone here.
  void drop_lent();
  bool has_tasks() const noexcept { return dispatcher_.running() > 0; }
  /// Adds the words that change with the results of each worker.
  void add_words(std::vector<os::FutexWord>& words);
  void on_timeout(WorkerId id);
  bool cancel(Task& task, Cancel reach) override;
  std::optional<double> progress(const Task& task) const override;
  /// Cancels what has not started of a map, from this part on, and gives the parts.
  std::vector<TaskRef> drop(TaskRef first);

 private:
  ProcessPool(Engine& engine, const PoolOptions& options, std::shared_ptr<process::Source> source);

  // A worker in its place.
  struct Standing {
    WorkerId id;
    WorkerIndex index;
    Incarnation worker;
    std::shared_ptr<BlackBox> box;
    bool is_ready = false;
  };

  static void check_descriptors(const Writer& arguments);
  static bool can_be_prefetched(const Writer& arguments);
  TaskRef make_task(const Function& function, Payload arguments);
  void check_open(const Function& function) const;
  bool wait_for_room(Engine::Lock& lock, const Function& function, std::size_t bytes,
                     bool may_wait);
  void greet(Standing& standing);
  void call_later(std::function<void()> notice);
  template <class Describe>
  void tell(Describe describe) noexcept;
  void tell_end(const Standing& standing, std::optional<os::ExitStatus> status) noexcept;
  WorkerEvent event_of_end(const Standing& standing, std::optional<os::ExitStatus> status) const;
  void ask(const TaskRef& task);
  bool owns_timer(WorkerId id);
  void drop_segments();
  void collect_in_passing() noexcept;
  void take_out(const std::vector<TaskRef>& parts, std::size_t refused);
  void expect_start(WorkerIndex index);
  void on_start_failed(WorkerIndex index, const std::exception& error) noexcept;
  void start_one(WorkerIndex index);
  void start_now(WorkerIndex index);
  void own_watch(WorkerIndex index);
  void adopt(WorkerIndex index, WorkerMemory memory, std::shared_ptr<process::Child> child,
             std::shared_ptr<BlackBox> box);
  Standing* find(WorkerId id);
  std::size_t collect(Standing& standing);
  void punish(Incarnation& worker);
  void kill(Incarnation& worker);
  void wake(Incarnation& worker);
  void finish_if_done() noexcept;
  void show() noexcept;
  std::unique_ptr<Standing> vacate(Standing& standing) noexcept;
  WorkerEnd describe_end(Standing& standing, std::optional<os::ExitStatus> status,
                         std::shared_ptr<const Certificate> certificate);

  // DispatchPort, with the engine's lock held.
  Delivery deliver(WorkerIndex index, Task& task) override;
  bool publish(WorkerIndex index) override;
  bool take_back(WorkerIndex index) override;
  void end_run(WorkerIndex index, const Task& part) override {
    workers_[index]->worker.end_run(part);
  }
  void start_worker(WorkerIndex index, Duration delay) override;
  void dismiss(WorkerIndex index) override;
  void announce(Task& task) override { engine_.announce(task); }
  void set_stall_timer(Duration delay) override;
  TimePoint now() override { return base::Deadline::Clock::now(); }
  void set_watch(WorkerIndex index, TimePoint at) override;
  void set_alarm(TimePoint at) override;
  std::optional<TimePoint> begun(WorkerIndex index, const Task& task) override {
    return workers_[index]->worker.begun(task);
  }
  bool ask_to_stop(WorkerIndex index, const Task& task) override {
    return workers_[index]->worker.ask_to_stop(task);
  }
  void kill(WorkerIndex index) override { kill(workers_[index]->worker); }
  void ask_user(const TaskRef& task) override;
  void announce_room() override;
  void look_again() override { engine_.look_again(); }

  Engine& engine_;
  const std::uint32_t number_;
  const PoolOptions options_;
  const WorkerId stall_timer_;
  const WorkerId alarm_;
  ArenaMemory argument_memory_{"shoal-arguments"};
  std::uint64_t arena_version_ = 0;
  std::shared_ptr<process::Source> source_;
  Dispatcher dispatcher_;
  PoolObserver observer_;
  std::vector<std::unique_ptr<Standing>> workers_;  // by WorkerIndex
  std::map<WorkerId, WorkerIndex> indices_;         // of those that stand
  std::vector<WorkerIndex> busy_;                   // those with tasks in their hands
  std::map<WorkerId, WorkerIndex> delayed_starts_;  // by the id that their timer runs under
  std::map<WorkerId, WorkerIndex> watches_;         // the same, of each place
  std::vector<WorkerId> watch_ids_;                 // by WorkerIndex
  std::vector<TaskRef> room_waiters_;               // each stands for a thread that waits in submit
  bool is_broken_told_ = false;
  std::uint64_t submissions_ = 0;
  std::uint64_t wakes_ = 0;
  std::uint64_t spins_of_the_dead_ = 0;
  std::condition_variable done_;
  bool is_done_ = false;
  bool is_clearing_ = false;    // what a dead worker leaves is still here
  bool is_finish_due_ = false;  // there was no memory for it
  bool is_joined_by_notifier_ = false;
  std::size_t notices_ = 0;        // of this pool, that users were not told to the end
  std::size_t notices_begun_ = 0;  // of these, by the notifier
};

// Has users told of what `describe` gives, if they want to hear it. Without the memory for it they
// do not: workers come and go all the same.
template <class Describe>
void ProcessPool::tell(Describe describe) noexcept {
  if (options_.on_worker_event == nullptr) return;
  try {
    call_later([this, event = WorkerEvent(describe())] { options_.on_worker_event(event); });
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace shoal::pool
