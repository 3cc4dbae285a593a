// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pool/dispatcher.hpp"
#include "pool/engine.hpp"
#include "pool/incarnation.hpp"
#include "pool/worker_memory.hpp"
#include "process/source.hpp"
#include "shoal/function.hpp"
#include "shoal/process_pool_executor.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// The workers of one executor: carries out what the dispatcher decides. Lives until its last
/// worker is gone, which may be after the executor.
class ProcessPool final : public DispatchPort, public std::enable_shared_from_this<ProcessPool> {
 public:
  /// Starts the workers.
  /// @throws StartError  one could not be started; those that were are ended
  static std::shared_ptr<ProcessPool> open(const PoolOptions& options);

  /// @throws PoolClosedError, CodecError, ResourceError  nothing was queued
  TaskRef submit(const internal::CallTarget& call, Writer&& arguments);
  /// Queues a map; gives the first part of it, if there is any.
  /// @throws as submit()
  TaskRef submit(const internal::CallTarget& call, std::vector<internal::ItemBatch>&& batches);
  /// Where large arguments are written.
  internal::WriterMemory& argument_memory() noexcept { return argument_memory_; }
  void close(bool cancel_queued);
  /// Waits until no task and no worker is left of a closed pool.
  void join();
  PoolStats stats();
  /// How long to poll for a result before sleeping.
  Duration spin() const noexcept { return spin_; }

  // For the engine, without its lock.
  void on_end(WorkerId id);
  void on_control(WorkerId id);
  // For the engine, with its lock.
  /// Takes in all results there are, and tells how many.
  std::size_t collect();
  bool has_tasks() const noexcept { return dispatcher_.running() > 0; }
  /// Adds the words that change with the results of each worker.
  void add_words(std::vector<os::FutexWord>& words) const;
  void on_timeout(WorkerId id);
  bool cancel(Task& task);
  /// Cancels what has not started of a map, from this part on, and gives the parts.
  std::vector<TaskRef> drop(TaskRef first);

 private:
  ProcessPool(Engine& engine, const PoolOptions& options, std::shared_ptr<process::Source> source);

  // A worker in its place.
  struct Standing {
    WorkerId id;
    WorkerIndex index;
    Incarnation worker;
  };

  TaskRef make_task(const Function& function, Payload arguments);
  void check_open(const Function& function) const;
  void drop_segments();
  void expect_start(WorkerIndex index);
  void on_start_failed(WorkerIndex index, const std::exception& error);
  void start_one(WorkerIndex index);
  void start_now(WorkerIndex index);
  void adopt(WorkerIndex index, WorkerMemory memory, std::shared_ptr<process::Child> child);
  Standing* find(WorkerId id);
  std::size_t collect(Standing& standing);
  void punish(Incarnation& worker);
  void kill(Incarnation& worker);
  void wake(Incarnation& worker);
  void finish_if_done();
  WorkerEnd describe_end(const Incarnation& worker, std::optional<os::ExitStatus> status) const;

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

  Engine& engine_;
  const Duration spin_;
  const WorkerId stall_timer_;
  ArenaMemory argument_memory_{"shoal-arguments"};
  std::uint64_t arena_version_ = 0;
  std::shared_ptr<process::Source> source_;
  Dispatcher dispatcher_;
  std::vector<std::unique_ptr<Standing>> workers_;  // by WorkerIndex
  std::map<WorkerId, WorkerIndex> indices_;         // of those that stand
  std::vector<WorkerIndex> busy_;                   // those with tasks in their hands
  std::map<WorkerId, WorkerIndex> delayed_starts_;  // by the id that their timer runs under
  std::uint64_t submissions_ = 0;
  std::uint64_t wakes_ = 0;
  std::uint64_t spins_of_the_dead_ = 0;
  std::condition_variable done_;
  bool is_done_ = false;
};

}  // namespace shoal::pool
