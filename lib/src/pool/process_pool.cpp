// SPDX-License-Identifier: Apache-2.0
#include "pool/process_pool.hpp"

#include <csignal>
#include <utility>

#include "base/log.hpp"
#include "base/scope_exit.hpp"
#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "pool/initializer.hpp"
#include "pool/worker_limits.hpp"
#include "pool/worker_main.hpp"
#include "process/runtime.hpp"
#include "process/spawner.hpp"
#include "shoal/codec.hpp"
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
                           const std::string& violation, const std::string& limit,
                           const Certificate& certificate) {
  WorkerLoss loss;
  certificate.complete(loss);
  loss.attempt = task.attempt;
  loss.pid = pid;
  loss.task_name = task.name();
  if (status && status->signal != 0) loss.signal = status->signal;
  if (status && status->signal == 0) loss.exit_status = status->code;
  const std::string how =
      violation.empty() ? describe(status) : "was ended for breaking the protocol: " + violation;
  const std::string what = "task " + loss.task_name + " (attempt " + std::to_string(task.attempt) +
                           ") was lost: its worker, pid " + std::to_string(pid) + ", " + how +
                           limit + certificate.summary();
  return WorkerLostError(what, std::move(loss));
}

}  // namespace

ProcessPool::ProcessPool(Engine& engine, const PoolOptions& options,
                         std::shared_ptr<process::Source> source)
    : engine_(engine),
      number_(engine.next_pool_number()),
      options_(options),
      stall_timer_(engine.next_worker_id()),
      alarm_(engine.next_worker_id()),
      source_(std::move(source)),
      dispatcher_(*this, DispatchRules::of(options)),
      observer_(options.max_workers),
      workers_(options.max_workers) {
  busy_.reserve(options.max_workers);
}

std::shared_ptr<ProcessPool> ProcessPool::open(const PoolOptions& options) {
  process::require_confinement({options.limits, options.sandbox}, "PoolOptions",
                               "cannot start a pool");
  Engine& engine = Engine::instance();
  std::shared_ptr<ProcessPool> pool(new ProcessPool(
      engine, options,
      process::open_source(options.context.get_start_method(), process::SourceUse::pool)));
  WorkerIndex index = 0;
  try {
    {
      const Engine::Lock lock(engine);
      engine.add(pool);
      engine.own(pool->stall_timer_, *pool);
      engine.own(pool->alarm_, *pool);
    }
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

void ProcessPool::check_descriptors(const Writer& arguments) {
  if (arguments.descriptors().size() < os::kMaxDescriptorsPerMessage) return;
  throw ResourceError("a task carries " + std::to_string(arguments.descriptors().size()) +
                      " descriptors; at most " + std::to_string(os::kMaxDescriptorsPerMessage - 1) +
                      " fit its message");
}

// Descriptors that workers keep are no burden to the socket.
bool ProcessPool::can_be_prefetched(const Writer& arguments) {
  const bool is_copied = arguments.block() == nullptr;
  const bool is_large = arguments.bytes().size() > Incarnation::kLargestCopiedArguments;
  return LentFiles::are_lent(arguments.descriptors()) && !(is_copied && is_large);
}

TaskRef ProcessPool::submit(const internal::CallTarget& call, Writer&& arguments,
                            const internal::Submission& how) {
  check_descriptors(arguments);
  const Function& function = engine_.functions().intern(call);
  const bool can_wait_behind_others = can_be_prefetched(arguments);
  const std::size_t bytes = arguments.bytes().size();
  TaskRef task = make_task(function, Payload(std::move(arguments)));
  task->policy = how.options;
  task->name_bytes = how.name_bytes;
  task->can_be_prefetched = can_wait_behind_others;
  Engine::Lock lock(engine_);
  if (!wait_for_room(lock, function, bytes, how.may_wait)) return nullptr;
  observer_.on_submit(*task);
  dispatcher_.on_submit(task);
  observer_.set_queue(dispatcher_.queued(), dispatcher_.running());
  // In passing, so that the workers do not run dry and need not ring anybody.
  if (++submissions_ % kSubmissionsPerLook == 0 && !engine_.has_leader()) collect_in_passing();
  return task;
}

TaskRef ProcessPool::submit(const internal::CallTarget& call,
                            std::vector<internal::ItemBatch>&& batches, const MapOptions& options,
                            const std::shared_ptr<Ledger>& ledger) {
  if (batches.empty()) return nullptr;
  const TaskPolicy policy = policy_of(options.task);
  const Function& function = engine_.functions().intern(call);
  std::vector<TaskRef> parts;
  std::size_t bytes = 0;
  for (internal::ItemBatch& items : batches) {
    check_descriptors(items.bytes);
    bytes += items.bytes.bytes().size();
    const std::size_t count = items.count;
    TaskRef part = make_task(function, Payload());
    part->policy = policy;
    part->can_be_prefetched = LentFiles::are_lent(items.bytes.descriptors());
    part->part = std::make_unique<Part>();
    part->part->batch = std::make_shared<const Batch>(std::move(items));
    part->part->chunksize = options.chunksize;
    part->part->count = count;
    if (!parts.empty()) parts.back()->part->rest = part;
    parts.push_back(std::move(part));
  }
  Engine::Lock lock(engine_);
  wait_for_room(lock, function, bytes, true);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const TaskRef& part = parts[i];
    if (ledger != nullptr) {
      ledger->unsettled += part->part->count;
      part->part->ledger = ledger;
      part->part->self = part;
    }
    try {
      dispatcher_.on_submit(part);
    } catch (...) {
      take_out(parts, i);
      throw;
    }
  }
  observer_.set_queue(dispatcher_.queued(), dispatcher_.running());
  return parts.front();
}

TaskRef ProcessPool::make_task(const Function& function, Payload arguments) {
  auto task = std::make_shared<Task>(function, std::move(arguments));
  task->pool = this;
  task->pool_number = number_;
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

// --- starting and ending workers ----------------------------------------------------------------

void ProcessPool::expect_start(WorkerIndex index) {
  const Engine::Lock lock(engine_);
  dispatcher_.expect_start(index);
}

void ProcessPool::on_start_failed(WorkerIndex index, const std::exception& error) noexcept {
  const Engine::Lock lock(engine_);
  tell([&] {
    return WorkerEvent{
        .kind = WorkerEvent::Kind::start_failed, .index = index, .message = error.what()};
  });
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
  os::Fd box_file;
  os::Result<std::shared_ptr<BlackBox>> box = BlackBox::create(spec.name, box_file);
  if (!box) {
    throw StartError(std::error_code(box.error().error, std::generic_category()),
                     "a worker needs " + box.error().to_string());
  }
  spec.entry = worker_main;
  spec.payload.put(index);
  spec.payload.put(static_cast<std::int64_t>(options_.spin.count()));
  spec.payload.put(process::Confinement{options_.limits, options_.sandbox});
  for (os::Fd* file : {&files.submissions, &files.completions, &files.gate}) {
    spec.payload.put_fd(std::make_shared<const UniqueFd>(std::move(*file)));
  }
  spec.payload.put_fd(engine_.board_file());
  spec.payload.put_fd(engine_.leader_button());
  spec.payload.put_fd(engine_.service_button());
  spec.payload.put_fd(engine_.logs().button());
  spec.payload.put_fd(std::make_shared<const UniqueFd>(std::move(box_file)));
  spec.payload.put(options_.max_rss_per_child > 0);
  put_initializer(spec.payload, options_.initializer);
  adopt(index, std::move(*memory), source_->start(std::move(spec)), *box);
  (*box)->watch_memory_killer();
}

void ProcessPool::adopt(WorkerIndex index, WorkerMemory memory,
                        std::shared_ptr<process::Child> child, std::shared_ptr<BlackBox> box) {
  // Whatever fails before it is watched: nobody else would hear of its end.
  base::ScopeExit abandon([child] { child->end(Duration::zero()); });
  box->set_pid(child->pid());
  engine_.logs().add(box);
  os::Fd control = child->take_control();
  std::unique_ptr<Standing> standing(
      new Standing{engine_.next_worker_id(), index,
                   Incarnation(std::move(memory), child, std::move(control), engine_.end_bell()),
                   std::move(box)});
  const Engine::Lock lock(engine_);
  own_watch(index);
  const auto place = indices_.emplace(standing->id, index).first;
  base::ScopeExit forget([&] { indices_.erase(place); });
  const os::Result<void> watched =
      engine_.watch(standing->id, *this, child->sentinel(), standing->worker.control());
  if (!watched) {
    throw StartError(std::error_code(watched.error().error, std::generic_category()),
                     "a worker needs " + watched.error().to_string());
  }
  abandon.release();
  forget.release();
  workers_[index] = std::move(standing);
  engine_.rouse_leader();  // it does not know this worker's word
  tell([&] {
    return WorkerEvent{.kind = WorkerEvent::Kind::started, .index = index, .pid = child->pid()};
  });
  observer_.on_started(index, child->pid());
  dispatcher_.on_started(index);
  show();
}

ProcessPool::Standing* ProcessPool::find(WorkerId id) {
  const auto at = indices_.find(id);
  return at == indices_.end() ? nullptr : workers_[at->second].get();
}

void ProcessPool::start_worker(WorkerIndex index, Duration delay) {
  if (delay <= Duration::zero()) return start_now(index);
  const WorkerId timer = engine_.next_worker_id();
  engine_.own(timer, *this);
  base::ScopeExit disown([&] { engine_.disown(timer); });
  delayed_starts_[timer] = index;
  disown.release();
  engine_.arm(base::Deadline::in(delay), timer);
}

void ProcessPool::start_now(WorkerIndex index) {
  engine_.spawn_later([self = self(), index] {
    try {
      self->start_one(index);
    } catch (const std::exception& error) {
      base::log(LogLevel::warn, "a worker was not replaced: ", error.what());
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
  worker.note_kill();
  const os::Result<void> sent = worker.child()->signal(SIGKILL);
  if (!sent && sent.error().error != ESRCH) {
    engine_.log_later(LogLevel::error,
                      [&] { return "a worker could not be killed: " + sent.error().to_string(); });
  }
}

void ProcessPool::on_timeout(WorkerId id) {
  if (owns_timer(id)) return;
  if (Standing* const standing = find(id)) return kill(standing->worker);
  const auto delayed = delayed_starts_.find(id);
  if (delayed == delayed_starts_.end()) return;
  const WorkerIndex index = delayed->second;
  const bool is_needed = !dispatcher_.is_closed() || !dispatcher_.is_drained();
  if (is_needed) start_now(index);
  engine_.disown(id);
  delayed_starts_.erase(delayed);
  if (is_needed) return;
  dispatcher_.on_start_failed(index, "the pool has been shut down");
  finish_if_done();
}

// Ends a worker that broke the protocol or stopped reading.
void ProcessPool::punish(Incarnation& worker) {
  if (!worker.violation().empty()) {
    engine_.log_later(LogLevel::error, [&] {
      return "worker pid " + std::to_string(worker.child()->pid()) +
             " breaks the protocol and is ended: " + worker.violation();
    });
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
  if (!standing->is_ready) {
    greet(*standing);
    if (standing->is_ready) return engine_.watch_for_end(id, control);
  }
  engine_.stop_watching(control);
  dispatcher_.on_deaf(standing->index);
  engine_.arm(base::Deadline::in(kLeaveGrace), id);
}

// What lacks the memory comes again, as the worker is watched; once it is not, nothing does.
void ProcessPool::on_end(WorkerId id) {
  std::shared_ptr<process::Child> child;
  std::shared_ptr<BlackBox> box;
  {
    const Engine::Lock lock(engine_);
    const Standing* const standing = find(id);
    if (standing == nullptr) return;
    child = standing->worker.child();
    box = standing->box;
  }
  const std::optional<os::ExitStatus> status = child->exit_status(base::Deadline::in(kStatusGrace));
  Engine::Lock lock(engine_);
  Standing& standing = *find(id);
  if (!standing.is_ready) greet(standing);  // what it had to say
  dispatcher_.on_deaf(standing.index);
  if (standing.worker.violation().empty()) collect(standing);  // what it had published is delivered
  const auto certificate =
      std::make_shared<const Certificate>(box, status, standing.worker.is_killed());
  WorkerEnd end = describe_end(standing, status, certificate);
  engine_.unwatch(id, child->sentinel(), standing.worker.control());
  tell_end(standing, status);
  std::unique_ptr<Standing> gone = vacate(standing);
  dispatcher_.on_ended(gone->index, std::move(end));
  show();
  // Who waits for its tasks goes on before what it leaves is read and cleared away.
  is_clearing_ = true;
  lock.unlock();
  engine_.logs().add_last_of(std::move(box), status);
  certificate->gather();
  lock.lock();
  // Under the lock the pool's source is alive: this is not the server's last holder.
  gone.reset();
  child.reset();
  is_clearing_ = false;
  finish_if_done();
}

// From here on there is nobody in its place.
std::unique_ptr<ProcessPool::Standing> ProcessPool::vacate(Standing& standing) noexcept {
  const WorkerIndex index = standing.index;
  const Task* const task = dispatcher_.expected(index);
  if (task != nullptr && task->ticket == standing.worker.taken()) {
    observer_.on_lost(index, *task, standing.worker.started());
  }
  observer_.on_ended(index);
  engine_.spin_tokens().forget(standing.worker);
  spins_of_the_dead_ += standing.worker.spins();
  std::erase(busy_, index);
  indices_.erase(standing.id);
  return std::move(workers_[index]);
}

WorkerEnd ProcessPool::describe_end(Standing& standing, std::optional<os::ExitStatus> status,
                                    std::shared_ptr<const Certificate> certificate) {
  const Incarnation& worker = standing.worker;
  WorkerEnd end;
  end.taken = worker.taken();
  end.raise = [pid = worker.child()->pid(), status, violation = worker.violation(),
               limit = explain_limit(options_.limits, status),
               certificate = std::move(certificate)](const Task& task) {
    throw lost_error(task, pid, status, violation, limit, *certificate);
  };
  const Task* const task = dispatcher_.expected(standing.index);
  if (task != nullptr) worker.rescue(*task, end);
  return end;
}

void ProcessPool::finish_if_done() noexcept {
  if (dispatcher_.is_broken() && !std::exchange(is_broken_told_, true)) {
    tell([&] {
      return WorkerEvent{.kind = WorkerEvent::Kind::broken, .message = dispatcher_.broken_reason()};
    });
  }
  is_finish_due_ = false;
  if (is_clearing_) return;  // it is called again
  if (!dispatcher_.is_closed() || !dispatcher_.is_drained() || dispatcher_.has_workers()) return;
  try {
    if (is_joined_by_notifier_) engine_.call_later([] {});  // which looks again
  } catch (const std::bad_alloc&) {
    is_finish_due_ = true;
    return engine_.look_again();
  }
  is_done_ = true;
  done_.notify_all();
  engine_.disown(stall_timer_);
  engine_.disown(alarm_);
  for (const auto& [id, index] : watches_) engine_.disown(id);
  engine_.remove(*this);
}

}  // namespace shoal::pool
