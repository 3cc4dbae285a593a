// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "memory/ring_allocator.hpp"
#include "pool/dispatcher.hpp"
#include "pool/engine.hpp"
#include "pool/mailbox.hpp"
#include "pool/worker_memory.hpp"
#include "process/child.hpp"
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
  /// One incarnation of a worker.
  struct Worker {
    Worker(WorkerMemory&& shared, std::shared_ptr<process::Child> process, os::Fd socket)
        : memory(std::move(shared)),
          mailbox(memory.submissions(), memory.completions(), memory.gate()),
          child(std::move(process)),
          control(std::move(socket)) {}

    WorkerMemory memory;
    ParentMailbox<sync::Hardware> mailbox;
    std::shared_ptr<process::Child> child;
    os::Fd control;
    memory::RingAllocator arguments{sizeof(SharedSubmissions::arguments)};
    std::deque<bool> uses_arguments;  // for each task in flight: is there a piece of the ring?
    std::uint32_t known_modules = 0;  // modules the worker has been told of
    bool has_said_hello = false;
    std::string violation;  // what it wrote that no worker of ours writes
  };

  ProcessPool(Engine& engine, const PoolOptions& options, std::shared_ptr<process::Source> source);

  void expect_start();
  void on_start_failed(unsigned index, const std::exception& error);
  void start_one(unsigned index);
  void adopt(unsigned index, WorkerMemory memory, std::shared_ptr<process::Child> child);
  void collect(WorkerId id, Worker& worker);
  // Whether a result could be had.
  enum class Fetch {
    done,
    no_room,     // this process lacks memory or descriptors for it; the worker is not to blame
    impossible,  // the worker says what cannot be
  };
  Fetch fetch(Worker& worker, const Completion& completion, Payload& result);
  Fetch fetch_parcel(Worker& worker, const Completion& completion, Payload& result);
  Fetch fetch_file(const os::Fd& file, std::size_t size, Payload& result);
  void settle(WorkerId id, Task& task, const Completion& completion, Fetch fetched, Payload result);
  void punish(WorkerId id, Worker& worker, std::string violation);
  void kill(Worker& worker);
  void finish_if_done();
  WorkerEnd describe_end(const Worker& worker, std::optional<os::ExitStatus> status) const;

  // DispatchPort, with the engine's lock held.
  Delivery deliver(WorkerId id, Task& task) override;
  bool take_back(WorkerId id) override;
  void start_worker(unsigned index) override;
  void dismiss(WorkerId id) override;
  void announce(Task& task) override { engine_.announce(task); }

  void introduce(Worker& worker, const Function& function);
  bool place_arguments(Worker& worker, Task& task, Entry& entry, os::Fd& file);
  Delivery post_parcel(Worker& worker, Task& task, const Entry& entry, const os::Fd& file);

  Engine& engine_;
  std::shared_ptr<process::Source> source_;
  Dispatcher dispatcher_;
  std::map<WorkerId, Worker> workers_;
  std::condition_variable done_;
  bool is_done_ = false;
};

}  // namespace shoal::pool
