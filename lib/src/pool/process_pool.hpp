// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <string>

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
  void close(bool cancel_queued);
  /// Waits until no task and no worker is left of a closed pool.
  void join();
  Dispatcher::Counts counts();

  // For the engine, without its lock.
  void on_end(WorkerId id);
  void on_control(WorkerId id);
  // For the engine, with its lock.
  void collect();
  void on_timeout(WorkerId id);
  bool cancel(Task& task);

 private:
  ProcessPool(Engine& engine, const PoolOptions& options, std::shared_ptr<process::Source> source);

  void expect_start();
  void on_start_failed(unsigned index, const std::exception& error);
  void start_one(unsigned index);
  void start_now(unsigned index);
  void adopt(unsigned index, WorkerMemory memory, std::shared_ptr<process::Child> child);
  void collect(WorkerId id, Incarnation& worker);
  void punish(Incarnation& worker);
  void kill(Incarnation& worker);
  void wake(Incarnation& worker);
  void finish_if_done();
  WorkerEnd describe_end(const Incarnation& worker, std::optional<os::ExitStatus> status) const;

  // DispatchPort, with the engine's lock held.
  Delivery deliver(WorkerId id, Task& task) override;
  bool take_back(WorkerId id) override;
  void start_worker(unsigned index, Duration delay) override;
  void dismiss(WorkerId id) override;
  void announce(Task& task) override { engine_.announce(task); }

  Engine& engine_;
  std::shared_ptr<process::Source> source_;
  Dispatcher dispatcher_;
  std::map<WorkerId, Incarnation> workers_;
  std::map<WorkerId, unsigned>
      delayed_starts_;  // index of the place, by the id its timer runs under
  std::condition_variable done_;
  bool is_done_ = false;
};

}  // namespace shoal::pool
