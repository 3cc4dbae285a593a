// SPDX-License-Identifier: Apache-2.0
#include "pool/process_pool.hpp"

#include <algorithm>
#include <csignal>
#include <new>
#include <utility>

#include "base/log.hpp"
#include "os/memfd.hpp"
#include "os/sentinel.hpp"
#include "pool/parcel.hpp"
#include "pool/worker_main.hpp"
#include "process/runtime.hpp"
#include "process/spawner.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

// Arguments up to this size go through the ring in D; larger ones in files of their own.
constexpr std::size_t kLargestCopiedArguments = 16 << 10;
// Results in files of up to this size are copied out; larger ones stay mapped with their future.
constexpr std::size_t kLargestCopiedFile = 256 << 10;
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
  const Engine::Lock lock(engine_);
  const WorkerId id = engine_.next_worker_id();
  const os::Result<void> watched = engine_.watch(id, *this, child->sentinel(), control.get());
  if (!watched) {
    child->end(Duration::zero());
    throw StartError(std::error_code(watched.error().error, std::generic_category()),
                     "a worker needs " + watched.error().to_string());
  }
  workers_.try_emplace(id, std::move(memory), std::move(child), std::move(control));
  dispatcher_.on_started(id, index);
}

void ProcessPool::start_worker(unsigned index) {
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
  Worker& worker = workers_.at(id);
  worker.mailbox.command(Command::exit);
  if (worker.mailbox.needs_wake()) engine_.wake_later(worker.mailbox.bell());
  engine_.arm(base::Deadline::in(kLeaveGrace), id);
}

void ProcessPool::kill(Worker& worker) {
  const os::Result<void> sent = worker.child->signal(SIGKILL);
  if (!sent && sent.error().error != ESRCH) {
    engine_.log_later(LogLevel::error, "a worker could not be killed: " + sent.error().to_string());
  }
}

void ProcessPool::on_timeout(WorkerId id) {
  if (const auto at = workers_.find(id); at != workers_.end()) kill(at->second);
}

void ProcessPool::punish(WorkerId id, Worker& worker, std::string violation) {
  if (!worker.violation.empty()) return;
  worker.violation = std::move(violation);
  engine_.log_later(LogLevel::error, "worker pid " + std::to_string(worker.child->pid()) +
                                         " breaks the protocol and is ended: " + worker.violation);
  dispatcher_.on_deaf(id);
  kill(worker);
}

// The worker's first message says that it is ready. After that the socket is watched for its end
// only, and what else arrives is left for fetch_parcel: a worker that lives on without it has
// closed it, or has become another program.
void ProcessPool::on_control(WorkerId id) {
  const Engine::Lock lock(engine_);
  const auto at = workers_.find(id);
  if (at == workers_.end()) return;
  Worker& worker = at->second;
  const int control = worker.control.get();
  if (!std::exchange(worker.has_said_hello, true)) {
    const os::Result<Parcel> parcel = receive_parcel(control, os::Wait::no);
    if (parcel && parcel->label.ticket == kHelloTicket) {
      engine_.watch_for_end(id, control);
      return dispatcher_.on_ready(id);
    }
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
    child = at->second.child;
  }
  const std::optional<os::ExitStatus> status = child->exit_status(base::Deadline::in(kStatusGrace));
  const Engine::Lock lock(engine_);
  const auto at = workers_.find(id);
  Worker& worker = at->second;
  dispatcher_.on_deaf(id);
  if (worker.violation.empty()) collect(id, worker);  // what it had published is delivered
  engine_.unwatch(id, child->sentinel(), worker.control.get());
  const WorkerEnd end = describe_end(worker, status);
  workers_.erase(at);
  child.reset();  // under the lock the pool's source is alive: this is not the server's last holder
  dispatcher_.on_ended(id, end);
  finish_if_done();
}

WorkerEnd ProcessPool::describe_end(const Worker& worker,
                                    std::optional<os::ExitStatus> status) const {
  return {worker.mailbox.taken(),
          [pid = worker.child->pid(), status, violation = worker.violation](const Task& task) {
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
    if (worker.mailbox.in_flight() > 0 && worker.violation.empty()) collect(id, worker);
  }
}

void ProcessPool::collect(WorkerId id, Worker& worker) {
  while (Task* task = dispatcher_.expected(id)) {
    Completion completion;
    const auto [honesty, has_completion] = worker.mailbox.peek(task->ticket, completion);
    if (honesty == Honesty::violation) return punish(id, worker, "a forged completion");
    if (!has_completion) return;
    Payload result;
    const Fetch fetched = fetch(worker, completion, result);
    if (fetched == Fetch::impossible) return punish(id, worker, "an impossible result");
    worker.mailbox.release();
    if (worker.uses_arguments.front()) worker.arguments.free_front();
    worker.uses_arguments.pop_front();
    settle(id, *task, completion, fetched, std::move(result));
  }
}

void ProcessPool::settle(WorkerId id, Task& task, const Completion& completion, Fetch fetched,
                         Payload result) {
  if (fetched == Fetch::no_room) {
    task.raise = [] {
      throw ResourceError(
          "a task's result has come, but this process lacks the memory or descriptors to take it: "
          "drop futures that hold large results, or raise RLIMIT_NOFILE or vm.max_map_count");
    };
    return dispatcher_.on_completed(id, Task::Status::failed, Payload());
  }
  const bool is_value = completion.outcome == Outcome::value;
  dispatcher_.on_completed(id, is_value ? Task::Status::finished : Task::Status::raised,
                           std::move(result));
}

// `completion` is a private copy; every number in it is a stranger's.
ProcessPool::Fetch ProcessPool::fetch(Worker& worker, const Completion& completion,
                                      Payload& result) try {
  if (completion.outcome > Outcome::exception) return Fetch::impossible;
  const auto& replies = worker.memory.completions().replies;
  switch (completion.place) {
    case Place::in_entry:
      if (completion.size > kCompletionInlineBytes) return Fetch::impossible;
      result = Payload(std::span(completion.bytes).first(completion.size));
      break;
    case Place::in_mailbox:
      if (completion.offset > replies.size()) return Fetch::impossible;
      if (completion.size > replies.size() - completion.offset) return Fetch::impossible;
      result = Payload(std::span(replies).subspan(completion.offset, completion.size));
      break;
    case Place::in_file:
      break;
    default:
      return Fetch::impossible;
  }
  if (completion.place != Place::in_file && completion.descriptors == 0) return Fetch::done;
  return fetch_parcel(worker, completion, result);
} catch (const std::bad_alloc&) {
  return Fetch::no_room;
}

// The parcel was sent before the completion was published, so that it is here or was never sent.
ProcessPool::Fetch ProcessPool::fetch_parcel(Worker& worker, const Completion& completion,
                                             Payload& result) {
  os::Result<Parcel> parcel = receive_parcel(worker.control.get(), os::Wait::no);
  if (!parcel && parcel.error().error == EMFILE) return Fetch::no_room;
  const bool has_file = completion.place == Place::in_file;
  if (!parcel || parcel->label.ticket != completion.ticket) return Fetch::impossible;
  if (parcel->fds.size() != completion.descriptors + (has_file ? 1U : 0U)) return Fetch::impossible;
  auto fd = parcel->fds.begin();
  if (has_file) {
    const Fetch fetched = fetch_file(*fd++, completion.size, result);
    if (fetched != Fetch::done) return fetched;
  }
  Payload::Descriptors descriptors;
  for (; fd != parcel->fds.end(); ++fd) {
    descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
  }
  result.set_descriptors(std::move(descriptors));
  return Fetch::done;
}

// A map is worth its while for large results only: a process may have some 65 000 of them.
ProcessPool::Fetch ProcessPool::fetch_file(const os::Fd& file, std::size_t size, Payload& result) {
  os::Result<memory::Mapping> mapping = memory::Mapping::map_sealed(file.get(), size);
  if (!mapping) return mapping.error().error == EPROTO ? Fetch::impossible : Fetch::no_room;
  result = size <= kLargestCopiedFile ? Payload(mapping->bytes()) : Payload(std::move(*mapping));
  return Fetch::done;
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery ProcessPool::deliver(WorkerId id, Task& task) try {
  Worker& worker = workers_.at(id);
  introduce(worker, *task.function);
  Entry entry{};
  entry.ticket = task.ticket;
  entry.function = task.function->slot.id;
  entry.attempt = static_cast<std::uint16_t>(task.attempt + 1);
  entry.descriptors = static_cast<std::uint16_t>(task.payload.descriptors().size());
  os::Fd file;
  if (!place_arguments(worker, task, entry, file)) return Delivery::impossible;
  if (file || entry.descriptors > 0) {
    const Delivery posted = post_parcel(worker, task, entry, file);
    if (posted != Delivery::done) return posted;
  }
  const bool uses_arguments = entry.place == Place::in_mailbox;
  worker.uses_arguments.push_back(uses_arguments);
  if (worker.mailbox.publish(entry) == Honesty::violation) {
    punish(id, worker, "an impossible gate");
    return Delivery::refused;
  }
  if (worker.mailbox.needs_wake()) engine_.wake_later(worker.mailbox.bell());
  return Delivery::done;
} catch (const std::bad_alloc&) {
  task.raise = [] { throw std::bad_alloc(); };
  return Delivery::impossible;
}

// A slot may be overwritten while its function is in no task in flight; with one task at a time
// none is.
void ProcessPool::introduce(Worker& worker, const Function& function) {
  SharedSubmissions& submissions = worker.memory.submissions();
  const std::uint32_t modules = engine_.functions().module_count();
  for (; worker.known_modules < modules; ++worker.known_modules) {
    submissions.modules[worker.known_modules] = engine_.functions().module(worker.known_modules);
  }
  FunctionSlot& slot = submissions.functions[function.slot.id % kFunctionSlots];
  if (slot.id != function.slot.id) slot = function.slot;
}

bool ProcessPool::place_arguments(Worker& worker, Task& task, Entry& entry, os::Fd& file) {
  const std::span<const std::byte> bytes = task.payload.bytes();
  entry.size = bytes.size();
  if (bytes.size() <= kEntryInlineBytes) {
    entry.place = Place::in_entry;
    std::copy(bytes.begin(), bytes.end(), entry.bytes.begin());
    return true;
  }
  if (bytes.size() <= kLargestCopiedArguments) {
    if (const auto offset = worker.arguments.allocate(bytes.size())) {
      entry.place = Place::in_mailbox;
      entry.offset = static_cast<std::uint32_t>(*offset);
      std::copy(
          bytes.begin(), bytes.end(),
          worker.memory.submissions().arguments.begin() + static_cast<std::ptrdiff_t>(*offset));
      return true;
    }
  }
  entry.place = Place::in_file;
  os::Result<os::Fd> made = os::make_sealed_file("shoal-payload", bytes);
  if (made) {
    file = std::move(*made);
    return true;
  }
  task.raise = [failure = made.error(), name = task.name()] {
    throw ResourceError(std::error_code(failure.error, std::generic_category()),
                        "the arguments of task " + name + " need " + failure.to_string());
  };
  return false;
}

Delivery ProcessPool::post_parcel(Worker& worker, Task& task, const Entry& entry,
                                  const os::Fd& file) {
  std::vector<int> fds;
  if (file) fds.push_back(file.get());
  for (const auto& fd : task.payload.descriptors()) fds.push_back(fd->get());
  const os::Result<void> sent =
      send_parcel(worker.control.get(), {entry.ticket, file ? 1U : 0U, 0}, fds, os::Wait::no);
  if (sent) return Delivery::done;
  if (entry.place == Place::in_mailbox) worker.arguments.free_back();
  const int error = sent.error().error;
  if (error == EPIPE || error == ECONNRESET || error == EAGAIN) {
    kill(worker);  // it is dying, or has stopped reading; its end brings another worker
    return Delivery::refused;
  }
  task.raise = [failure = sent.error(), name = task.name()] {
    throw ResourceError(std::error_code(failure.error, std::generic_category()),
                        "the descriptors of task " + name + " need " + failure.to_string());
  };
  return Delivery::impossible;
}

bool ProcessPool::take_back(WorkerId id) {
  Worker& worker = workers_.at(id);
  const auto [honesty, count] = worker.mailbox.revoke_youngest();
  if (honesty == Honesty::violation) {
    worker.violation = "an impossible gate";
    kill(worker);
  }
  if (honesty == Honesty::violation || count == 0) return false;
  if (worker.uses_arguments.back()) worker.arguments.free_back();
  worker.uses_arguments.pop_back();
  return true;
}

}  // namespace shoal::pool
