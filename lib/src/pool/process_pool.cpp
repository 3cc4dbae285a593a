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
// Whoever submits looks for results once in so many times: each look may fetch a line from another
// CPU's cache.
constexpr std::uint64_t kSubmissionsPerLook = 8;
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

void check_descriptors(const Writer& arguments) {
  if (arguments.descriptors().size() < os::kMaxDescriptorsPerMessage) return;
  throw ResourceError("a task carries " + std::to_string(arguments.descriptors().size()) +
                      " descriptors; at most " + std::to_string(os::kMaxDescriptorsPerMessage - 1) +
                      " fit its message");
}

void raise_no_room() {
  throw ResourceError(
      "a task's result has come, but this process lacks the memory or descriptors to take it: drop "
      "futures that hold large results, or raise RLIMIT_NOFILE or vm.max_map_count");
}

}  // namespace

ProcessPool::ProcessPool(Engine& engine, const PoolOptions& options,
                         std::shared_ptr<process::Source> source)
    : engine_(engine),
      spin_(options.spin),
      stall_timer_(engine.next_worker_id()),
      source_(std::move(source)),
      dispatcher_(*this, options.max_workers),
      workers_(options.max_workers) {}

std::shared_ptr<ProcessPool> ProcessPool::open(const PoolOptions& options) {
  Engine& engine = Engine::instance();
  std::shared_ptr<ProcessPool> pool(new ProcessPool(
      engine, options,
      process::open_source(options.context.get_start_method(), process::SourceUse::pool)));
  {
    const Engine::Lock lock(engine);
    engine.add(pool);
    engine.own(pool->stall_timer_, *pool);
  }
  WorkerIndex index = 0;
  try {
    for (; index < options.max_workers; ++index) {
      pool->expect_start(index);
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
  check_descriptors(arguments);
  const Function& function = engine_.functions().intern(call);
  const bool is_copied = arguments.block() == nullptr;
  const bool is_large = arguments.bytes().size() > Incarnation::kLargestCopiedArguments;
  TaskRef task = make_task(function, Payload(std::move(arguments)));
  task->can_be_prefetched = task->payload.descriptors().empty() && !(is_copied && is_large);
  const Engine::Lock lock(engine_);
  check_open(function);
  dispatcher_.on_submit(task);
  // In passing, so that the workers do not run dry and need not ring anybody.
  if (++submissions_ % kSubmissionsPerLook == 0 && !engine_.has_leader()) collect();
  return task;
}

TaskRef ProcessPool::submit(const internal::CallTarget& call,
                            std::vector<internal::ItemBatch>&& batches) {
  if (batches.empty()) return nullptr;
  const Function& function = engine_.functions().intern(call);
  std::vector<TaskRef> parts;
  for (internal::ItemBatch& items : batches) {
    check_descriptors(items.bytes);
    const std::size_t count = items.count;
    TaskRef part = make_task(function, Payload());
    part->can_be_prefetched = items.bytes.descriptors().empty();
    part->part = std::make_unique<Part>();
    part->part->batch = std::make_shared<const Batch>(std::move(items));
    part->part->count = count;
    if (!parts.empty()) parts.back()->part->rest = part;
    parts.push_back(std::move(part));
  }
  const Engine::Lock lock(engine_);
  check_open(function);
  for (const TaskRef& part : parts) dispatcher_.on_submit(part);
  return parts.front();
}

TaskRef ProcessPool::make_task(const Function& function, Payload arguments) {
  auto task = std::make_shared<Task>(function, std::move(arguments));
  task->pool = this;
  task->generation = process::Runtime::generation();
  return task;
}

void ProcessPool::check_open(const Function& function) const {
  if (!dispatcher_.is_closed()) return;
  throw PoolClosedError("submit of " + function.name() + ": the pool has been shut down");
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

// From the last part to the first: a worker that gives one up must not be handed the next. The
// parts are unlinked, since each would take the next one down in its destructor.
std::vector<TaskRef> ProcessPool::drop(TaskRef first) {
  std::vector<TaskRef> parts;
  for (TaskRef task = std::move(first); task != nullptr; task = std::move(parts.back()->part->rest)) {
    task->part->is_dropped = true;
    parts.push_back(std::move(task));
  }
  for (std::size_t i = parts.size(); i-- > 0;) dispatcher_.on_cancel(*parts[i]);
  finish_if_done();
  return parts;
}

PoolStats ProcessPool::stats() {
  const Engine::Lock lock(engine_);
  const Dispatcher::Counts counts = dispatcher_.counts();
  PoolStats stats{.workers = counts.workers,
                  .idle = counts.idle,
                  .queued = counts.queued,
                  .running = counts.running,
                  .completed = counts.completed,
                  .failed = counts.failed,
                  .lost = counts.lost,
                  .restarted = counts.restarted,
                  .prefetch_depth = counts.prefetch_depth,
                  .revocations = counts.revocations,
                  .wakes = wakes_,
                  .spins = spins_of_the_dead_ + engine_.spins()};
  for (const auto& standing : workers_) {
    if (standing != nullptr) stats.spins += standing->worker.spins();
  }
  return stats;
}

// --- starting and ending workers ----------------------------------------------------------------

void ProcessPool::expect_start(WorkerIndex index) {
  const Engine::Lock lock(engine_);
  dispatcher_.expect_start(index);
}

void ProcessPool::on_start_failed(WorkerIndex index, const std::exception& error) {
  const Engine::Lock lock(engine_);
  dispatcher_.on_start_failed(index, error.what());
  finish_if_done();
}

void ProcessPool::start_one(WorkerIndex index) {
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
  spec.payload.put(static_cast<std::int64_t>(spin_.count()));
  for (os::Fd* file : {&files.submissions, &files.completions, &files.gate}) {
    spec.payload.put_fd(std::make_shared<const UniqueFd>(std::move(*file)));
  }
  spec.payload.put_fd(engine_.board_file());
  spec.payload.put_fd(engine_.leader_button());
  spec.payload.put_fd(engine_.service_button());
  adopt(index, std::move(*memory), source_->start(std::move(spec)));
}

void ProcessPool::adopt(WorkerIndex index, WorkerMemory memory,
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
  workers_[index].reset(new Standing{
      id, index, Incarnation(std::move(memory), std::move(child), std::move(control))});
  indices_[id] = index;
  engine_.rouse_leader();  // it does not know this worker's word
  dispatcher_.on_started(index);
}

ProcessPool::Standing* ProcessPool::find(WorkerId id) {
  const auto at = indices_.find(id);
  return at == indices_.end() ? nullptr : workers_[at->second].get();
}

void ProcessPool::start_worker(WorkerIndex index, Duration delay) {
  if (delay <= Duration::zero()) return start_now(index);
  const WorkerId timer = engine_.next_worker_id();
  delayed_starts_[timer] = index;
  engine_.own(timer, *this);
  engine_.arm(base::Deadline::in(delay), timer);
}

void ProcessPool::start_now(WorkerIndex index) {
  process::Runtime::instance().spawner().post([self = shared_from_this(), index] {
    try {
      self->start_one(index);
    } catch (const std::exception& error) {
      base::log(LogLevel::warn, std::string("a worker was not replaced: ") + error.what());
      self->on_start_failed(index, error);
    }
  });
}

void ProcessPool::dismiss(WorkerIndex index) {
  Standing& standing = *workers_[index];
  standing.worker.dismiss();
  wake(standing.worker);
  engine_.arm(base::Deadline::in(kLeaveGrace), standing.id);
}

void ProcessPool::set_stall_timer(Duration delay) {
  engine_.arm(base::Deadline::in(delay), stall_timer_);
}

void ProcessPool::kill(Incarnation& worker) {
  const os::Result<void> sent = worker.child()->signal(SIGKILL);
  if (!sent && sent.error().error != ESRCH) {
    engine_.log_later(LogLevel::error, "a worker could not be killed: " + sent.error().to_string());
  }
}

void ProcessPool::on_timeout(WorkerId id) {
  if (id == stall_timer_) return dispatcher_.on_stall();
  if (Standing* const standing = find(id)) return kill(standing->worker);
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
  Standing* const standing = find(id);
  if (standing == nullptr) return;
  const int control = standing->worker.control();
  if (standing->worker.read_hello()) {
    engine_.watch_for_end(id, control);
    return dispatcher_.on_ready(standing->index);
  }
  engine_.stop_watching(control);
  dispatcher_.on_deaf(standing->index);
  engine_.arm(base::Deadline::in(kLeaveGrace), id);
}

void ProcessPool::on_end(WorkerId id) {
  std::shared_ptr<process::Child> child;
  {
    const Engine::Lock lock(engine_);
    const Standing* const standing = find(id);
    if (standing == nullptr) return;
    child = standing->worker.child();
  }
  const std::optional<os::ExitStatus> status = child->exit_status(base::Deadline::in(kStatusGrace));
  const Engine::Lock lock(engine_);
  const WorkerIndex index = indices_.at(id);
  Standing& standing = *workers_[index];
  dispatcher_.on_deaf(index);
  if (standing.worker.violation().empty()) collect(standing);  // what it had published is delivered
  engine_.unwatch(id, child->sentinel(), standing.worker.control());
  engine_.spin_tokens().forget(standing.worker);
  WorkerEnd end = describe_end(standing.worker, status);
  const Task* const task = dispatcher_.expected(index);
  if (task != nullptr) standing.worker.rescue(*task, end);
  spins_of_the_dead_ += standing.worker.spins();
  std::erase(busy_, index);
  indices_.erase(id);
  workers_[index].reset();
  child.reset();  // under the lock the pool's source is alive: this is not the server's last holder
  dispatcher_.on_ended(index, std::move(end));
  finish_if_done();
}

WorkerEnd ProcessPool::describe_end(const Incarnation& worker,
                                    std::optional<os::ExitStatus> status) const {
  WorkerEnd end;
  end.taken = worker.taken();
  end.raise = [pid = worker.child()->pid(), status,
               violation = worker.violation()](const Task& task) {
    throw lost_error(task, pid, status, violation);
  };
  return end;
}

void ProcessPool::finish_if_done() {
  if (!dispatcher_.is_closed() || !dispatcher_.is_drained() || dispatcher_.has_workers()) return;
  is_done_ = true;
  done_.notify_all();
  engine_.disown(stall_timer_);
  engine_.remove(*this);
}

// --- collecting results -------------------------------------------------------------------------

std::size_t ProcessPool::collect() {
  std::size_t count = 0;
  // From the back: one that has nothing left leaves the list.
  for (std::size_t i = busy_.size(); i-- > 0;) {
    Standing& standing = *workers_[busy_[i]];
    if (!standing.worker.has_news()) continue;
    count += collect(standing);
    if (!standing.worker.has_tasks()) busy_.erase(busy_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (count > 0) dispatcher_.on_collected();
  drop_segments();
  return count;
}

void ProcessPool::add_words(std::vector<os::FutexWord>& words) const {
  for (const auto& [id, index] : indices_) words.push_back(workers_[index]->worker.next_result());
}

// Workers keep large arguments mapped for the next ones; of what is let go here they hear now.
void ProcessPool::drop_segments() {
  const memory::Arena& arena = argument_memory_.arena();
  if (arena.version() == arena_version_) return;
  arena_version_ = arena.version();
  for (const auto& standing : workers_) {
    if (standing != nullptr && standing->worker.drop_segments(arena)) wake(standing->worker);
  }
}

std::size_t ProcessPool::collect(Standing& standing) {
  Incarnation& worker = standing.worker;
  std::size_t count = 0;
  if (!worker.violation().empty()) return count;
  for (Task* task = nullptr; (task = dispatcher_.expected(standing.index)) != nullptr; ++count) {
    Incarnation::Harvest harvest = worker.collect(*task);
    if (harvest.kind == Incarnation::Harvest::Kind::nothing) break;
    if (harvest.kind == Incarnation::Harvest::Kind::no_room) {
      task->fail_by(raise_no_room);
      // The elements of a part that have run have no result, and do not run again.
      harvest.completed.items += harvest.completed.status == Task::Status::raised ? 1 : 0;
      harvest.completed.error_bytes = 0;
      harvest.completed.status = Task::Status::failed;
    }
    dispatcher_.on_completed(standing.index, std::move(harvest.completed));
  }
  if (worker.violation().empty()) return count;
  punish(worker);
  dispatcher_.on_deaf(standing.index);
  return count;
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery ProcessPool::deliver(WorkerIndex index, Task& task) {
  Incarnation& worker = workers_[index]->worker;
  const bool was_idle = !worker.has_tasks();
  const Delivery delivery = worker.deliver(task, engine_.functions());
  if (delivery == Delivery::refused) punish(worker);
  if (delivery == Delivery::done && was_idle) busy_.push_back(index);
  return delivery;
}

bool ProcessPool::publish(WorkerIndex index) {
  Incarnation& worker = workers_[index]->worker;
  engine_.expect_results();
  engine_.spin_tokens().use(worker);
  if (!worker.publish()) {
    punish(worker);
    return false;
  }
  wake(worker);
  return true;
}

bool ProcessPool::take_back(WorkerIndex index) {
  Incarnation& worker = workers_[index]->worker;
  const bool is_back = worker.take_back();
  if (!worker.violation().empty()) punish(worker);
  if (!worker.has_tasks()) std::erase(busy_, index);
  return is_back;
}

void ProcessPool::wake(Incarnation& worker) {
  if (!worker.needs_wake()) return;
  ++wakes_;
  engine_.wake_later(worker.bell());
}

}  // namespace shoal::pool
