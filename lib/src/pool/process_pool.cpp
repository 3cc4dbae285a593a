// SPDX-License-Identifier: Apache-2.0
#include "pool/process_pool.hpp"

#include <csignal>
#include <utility>

#include "base/log.hpp"
#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "pool/worker_main.hpp"
#include "process/runtime.hpp"
#include "process/spawner.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

// How long a worker that was let go, or that lost its channels, may take to end by itself.
constexpr Duration kLeaveGrace = 1s;
// How long the fork server's report of a death is waited for.
constexpr Duration kStatusGrace = 50ms;

std::string describe(std::optional<os::ExitStatus> status) {
  if (!status) return "ended, nobody knows how";
  if (status->signal == 0) return "exited with status " + std::to_string(status->code);
  return "was killed by signal " + std::to_string(status->signal) + " (" +
         os::signal_name(status->signal) + ")";
}

WorkerLostError lost_error(const Task& task, int pid, std::optional<os::ExitStatus> status,
                           const std::string& violation) {
  WorkerLoss loss;
  loss.pid = pid;
  loss.task_name = task.name();
  if (status && status->signal != 0) loss.signal = status->signal;
  if (status && status->signal == 0) loss.exit_status = status->code;
  const std::string how =
      violation.empty() ? describe(status) : "was ended for breaking the protocol: " + violation;
  const std::string what = "task " + loss.task_name + " (attempt " + std::to_string(task.attempt) +
                           ") was lost: its worker, pid " + std::to_string(pid) + ", " + how;
  return WorkerLostError(what, std::move(loss));
}

void raise_no_room() {
  throw ResourceError(
      "a task's result has come, but this process lacks the memory or descriptors to take it: drop "
      "futures that hold large results, or raise RLIMIT_NOFILE or vm.max_map_count");
}

}  // namespace

ProcessPool::ProcessPool(Engine& engine, const PoolOptions& options,
                         std::shared_ptr<process::Source> source)
    : engine_(engine), source_(std::move(source)), dispatcher_(*this, options.max_workers) {}

std::shared_ptr<ProcessPool> ProcessPool::open(const PoolOptions& options) {
  Engine& engine = Engine::instance();
  std::shared_ptr<ProcessPool> pool(new ProcessPool(
      engine, options,
      process::open_source(options.context.get_start_method(), process::SourceUse::pool)));
  {
    const Engine::Lock lock(engine);
    engine.add(pool);
  }
  unsigned index = 0;
  try {
    for (; index < options.max_workers; ++index) {
      pool->expect_start();
      pool->start_one(index);
    }
  } catch (const std::exception& error) {
    pool->close(true);
    pool->on_start_failed(index, error);
    pool->join();
    throw;
  }
  return pool;
}

// --- for users ----------------------------------------------------------------------------------

TaskRef ProcessPool::submit(const internal::CallTarget& call, Writer&& arguments) {
  if (arguments.descriptors().size() >= os::kMaxDescriptorsPerMessage) {
    throw ResourceError("a task carries " + std::to_string(arguments.descriptors().size()) +
                        " descriptors; at most " +
                        std::to_string(os::kMaxDescriptorsPerMessage - 1) + " fit its message");
  }
  const Function& function = engine_.functions().intern(call);
  auto task = std::make_shared<Task>(function, Payload(std::move(arguments)));
  task->pool = this;
  task->generation = process::Runtime::generation();
  const Engine::Lock lock(engine_);
  if (dispatcher_.is_closed()) {
    throw PoolClosedError("submit of " + task->name() + ": the pool has been shut down");
  }
  dispatcher_.on_submit(task);
  return task;
}

void ProcessPool::close(bool cancel_queued) {
  const Engine::Lock lock(engine_);
  dispatcher_.on_close(cancel_queued);
  finish_if_done();
}

void ProcessPool::join() {
  std::shared_ptr<process::Source> source;  // ends its server, on this thread and without the lock
  Engine::Lock lock(engine_);
  done_.wait(lock.native(), [&] { return is_done_; });
  source = std::move(source_);
  lock.unlock();
}

bool ProcessPool::cancel(Task& task) {
  const bool is_cancelled = dispatcher_.on_cancel(task);
  finish_if_done();
  return is_cancelled;
}

Dispatcher::Counts ProcessPool::counts() {
  const Engine::Lock lock(engine_);
  return dispatcher_.counts();
}

// --- starting and ending workers ----------------------------------------------------------------

void ProcessPool::expect_start() {
  const Engine::Lock lock(engine_);
  dispatcher_.expect_start();
}

void ProcessPool::on_start_failed(unsigned index, const std::exception& error) {
  const Engine::Lock lock(engine_);
  dispatcher_.on_start_failed(index, error.what());
  finish_if_done();
}

void ProcessPool::start_one(unsigned index) {
  WorkerFiles files;
  os::Result<WorkerMemory> memory = WorkerMemory::create(index, files);
  if (!memory) {
    throw StartError(std::error_code(memory.error().error, std::generic_category()),
                     "a worker needs " + memory.error().to_string());
  }
  process::ChildSpec spec;
  spec.name = "PoolWorker-" + std::to_string(index + 1);
  spec.entry = worker_main;
  spec.payload.put(index);
  for (os::Fd* file : {&files.submissions, &files.completions, &files.gate}) {
    spec.payload.put_fd(std::make_shared<const UniqueFd>(std::move(*file)));
  }
  spec.payload.put_fd(engine_.board_file());
  spec.payload.put_fd(engine_.leader_button());
  spec.payload.put_fd(engine_.service_button());
  adopt(index, std::move(*memory), source_->start(std::move(spec)));
}

void ProcessPool::adopt(unsigned index, WorkerMemory memory,
                        std::shared_ptr<process::Child> child) {
  os::Fd control = child->take_control();
  Engine::Lock lock(engine_);
  const WorkerId id = engine_.next_worker_id();
  const os::Result<void> watched = engine_.watch(id, *this, child->sentinel(), control.get());
  if (!watched) {
    lock.unlock();
    child->end(Duration::zero());
    throw StartError(std::error_code(watched.error().error, std::generic_category()),
                     "a worker needs " + watched.error().to_string());
  }
  workers_.try_emplace(id, std::move(memory), std::move(child), std::move(control));
  dispatcher_.on_started(id, index);
}

void ProcessPool::start_worker(unsigned index, Duration delay) {
  if (delay <= Duration::zero()) return start_now(index);
  const WorkerId timer = engine_.next_worker_id();
  delayed_starts_[timer] = index;
  engine_.own(timer, *this);
  engine_.arm(base::Deadline::in(delay), timer);
}

void ProcessPool::start_now(unsigned index) {
  process::Runtime::instance().spawner().post([self = shared_from_this(), index] {
    try {
      self->start_one(index);
    } catch (const std::exception& error) {
      base::log(LogLevel::warn, std::string("a worker was not replaced: ") + error.what());
      self->on_start_failed(index, error);
    }
  });
}

void ProcessPool::dismiss(WorkerId id) {
  Incarnation& worker = workers_.at(id);
  worker.dismiss();
  wake(worker);
  engine_.arm(base::Deadline::in(kLeaveGrace), id);
}

void ProcessPool::kill(Incarnation& worker) {
  const os::Result<void> sent = worker.child()->signal(SIGKILL);
  if (!sent && sent.error().error != ESRCH) {
    engine_.log_later(LogLevel::error, "a worker could not be killed: " + sent.error().to_string());
  }
}

void ProcessPool::on_timeout(WorkerId id) {
  if (const auto at = workers_.find(id); at != workers_.end()) return kill(at->second);
  if (const auto delayed = delayed_starts_.extract(id)) {
    engine_.disown(id);
    if (!dispatcher_.is_closed() || !dispatcher_.is_drained()) return start_now(delayed.mapped());
    dispatcher_.on_start_failed(delayed.mapped(), "the pool has been shut down");
    finish_if_done();
  }
}

// Ends a worker that broke the protocol or stopped reading.
void ProcessPool::punish(Incarnation& worker) {
  if (!worker.violation().empty()) {
    engine_.log_later(LogLevel::error,
                      "worker pid " + std::to_string(worker.child()->pid()) +
                          " breaks the protocol and is ended: " + worker.violation());
  }
  kill(worker);
}

// The worker's first message says that it is ready. After that the socket is watched for its end
// only, and what else arrives is left for collect(): a worker that lives on without it has
// closed it, or has become another program.
void ProcessPool::on_control(WorkerId id) {
  const Engine::Lock lock(engine_);
  const auto at = workers_.find(id);
  if (at == workers_.end()) return;
  const int control = at->second.control();
  if (at->second.read_hello()) {
    engine_.watch_for_end(id, control);
    return dispatcher_.on_ready(id);
  }
  engine_.stop_watching(control);
  dispatcher_.on_deaf(id);
  engine_.arm(base::Deadline::in(kLeaveGrace), id);
}

void ProcessPool::on_end(WorkerId id) {
  std::shared_ptr<process::Child> child;
  {
    const Engine::Lock lock(engine_);
    const auto at = workers_.find(id);
    if (at == workers_.end()) return;
    child = at->second.child();
  }
  const std::optional<os::ExitStatus> status = child->exit_status(base::Deadline::in(kStatusGrace));
  const Engine::Lock lock(engine_);
  const auto at = workers_.find(id);
  Incarnation& worker = at->second;
  dispatcher_.on_deaf(id);
  if (worker.violation().empty()) collect(id, worker);  // what it had published is delivered
  engine_.unwatch(id, child->sentinel(), worker.control());
  const WorkerEnd end = describe_end(worker, status);
  workers_.erase(at);
  child.reset();  // under the lock the pool's source is alive: this is not the server's last holder
  dispatcher_.on_ended(id, end);
  finish_if_done();
}

WorkerEnd ProcessPool::describe_end(const Incarnation& worker,
                                    std::optional<os::ExitStatus> status) const {
  return {worker.taken(),
          [pid = worker.child()->pid(), status, violation = worker.violation()](const Task& task) {
            throw lost_error(task, pid, status, violation);
          }};
}

void ProcessPool::finish_if_done() {
  if (!dispatcher_.is_closed() || !dispatcher_.is_drained() || dispatcher_.has_workers()) return;
  is_done_ = true;
  done_.notify_all();
  engine_.remove(*this);
}

// --- collecting results -------------------------------------------------------------------------

void ProcessPool::collect() {
  for (auto& [id, worker] : workers_) {
    if (worker.has_tasks() && worker.violation().empty()) collect(id, worker);
  }
}

void ProcessPool::collect(WorkerId id, Incarnation& worker) {
  while (Task* task = dispatcher_.expected(id)) {
    Incarnation::Harvest harvest = worker.collect(task->ticket);
    if (harvest.kind == Incarnation::Harvest::Kind::nothing) break;
    Task::Status status = harvest.is_value ? Task::Status::finished : Task::Status::raised;
    if (harvest.kind == Incarnation::Harvest::Kind::no_room) {
      task->raise = raise_no_room;
      status = Task::Status::failed;
    }
    dispatcher_.on_completed(id, status, std::move(harvest.result));
  }
  if (worker.violation().empty()) return;
  dispatcher_.on_deaf(id);
  punish(worker);
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery ProcessPool::deliver(WorkerId id, Task& task) {
  Incarnation& worker = workers_.at(id);
  const Delivery delivery = worker.deliver(task, engine_.functions());
  if (delivery == Delivery::refused) punish(worker);
  if (delivery == Delivery::done) wake(worker);
  return delivery;
}

bool ProcessPool::take_back(WorkerId id) {
  Incarnation& worker = workers_.at(id);
  const bool is_back = worker.take_back();
  if (!worker.violation().empty()) punish(worker);
  return is_back;
}

void ProcessPool::wake(Incarnation& worker) {
  if (worker.needs_wake()) engine_.wake_later(worker.bell());
}

}  // namespace shoal::pool
