// SPDX-License-Identifier: Apache-2.0
// The pool: what its users ask for beside submit, what it tells them, and its timers.
#include <csignal>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"
#include "base/scope_exit.hpp"
#include "pool/process_pool.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

// How long a worker may take to heed SIGTERM.
constexpr Duration kTerminateGrace = 1s;

}  // namespace

// --- room ---------------------------------------------------------------------------------------

// Waits until a task of so many bytes may be queued; false if it may not, and nobody is to wait. A
// task of our own stands for the waiting thread, so that it collects results meanwhile like any
// other.
bool ProcessPool::wait_for_room(Engine::Lock& lock, const Function& function, std::size_t bytes,
                                bool may_wait) {
  for (check_open(function); !dispatcher_.has_room_for(bytes); check_open(function)) {
    if (!may_wait) return false;
    if (engine_.notifier().is_here()) {
      throw ResourceError("submit of " + function.name() +
                          " from a callback: the queue is full (PoolOptions::max_queued, "
                          "max_queued_bytes), and a callback must not wait for it");
    }
    const TaskRef room = make_task(function, Payload());
    room_waiters_.push_back(room);
    dispatcher_.on_wait_for_room();
    lock.unlock();
    engine_.wait(*room, base::Deadline::never());
    lock.lock();
  }
  return true;
}

void ProcessPool::announce_room() {
  for (const TaskRef& room : std::exchange(room_waiters_, {})) {
    room->pool = nullptr;
    room->finish(Task::Status::finished);
    engine_.announce(*room);
  }
}

// --- for users ----------------------------------------------------------------------------------

// A task that is running may have ended already, and its worker may have gone on to the next one:
// then its result is here, and the dispatcher must see it first.
bool ProcessPool::cancel(Task& task, Cancel reach) {
  constexpr int kAttempts = 3;
  if (reach == Cancel::running) collect();
  bool is_cancelled = dispatcher_.on_cancel(task, reach);
  for (int i = 1; reach == Cancel::running && !is_cancelled && !task.is_done() && i < kAttempts;
       ++i) {
    collect();
    is_cancelled = dispatcher_.on_cancel(task, reach);
  }
  observer_.set_queue(dispatcher_.queued(), dispatcher_.running());
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
  observer_.set_queue(dispatcher_.queued(), dispatcher_.running());
  finish_if_done();
  return parts;
}

std::optional<double> ProcessPool::progress(const Task& task) const {
  const std::optional<WorkerIndex> holder = dispatcher_.holder_of(task);
  if (!holder) return std::nullopt;
  return workers_[*holder]->worker.report(task);
}

bool ProcessPool::is_closed() {
  const Engine::Lock lock(engine_);
  return dispatcher_.is_closed();
}

// What users are told of a pool they are told before it is over: it may refer to what goes with it.
// On the notifier thread nobody but us would tell it, and only what has begun already may go on.
void ProcessPool::join() {
  std::shared_ptr<process::Source> source;  // ends its server, on this thread and without the lock
  Engine::Lock lock(engine_);
  if (engine_.notifier().is_here()) {
    is_joined_by_notifier_ = true;
    lock.unlock();
    engine_.notifier().go_on_until([&] {
      const Engine::Lock guard(engine_);
      return is_done_ && notices_ == notices_begun_;
    });
    lock.lock();
  } else {
    done_.wait(lock.native(), [&] { return is_done_ && notices_ == 0; });
  }
  source = std::move(source_);
  lock.unlock();
  trace(nullptr);
}

void ProcessPool::resize(unsigned max_workers) {
  const Engine::Lock lock(engine_);
  if (dispatcher_.is_closed()) throw PoolClosedError("resize: the pool has been shut down");
  busy_.reserve(max_workers);
  if (max_workers > workers_.size()) workers_.resize(max_workers);
  dispatcher_.on_resize(max_workers);
}

void ProcessPool::end_workers(int signal) {
  const Engine::Lock lock(engine_);
  dispatcher_.on_end_workers();
  for (const auto& standing : workers_) {
    if (standing == nullptr) continue;
    if (signal == SIGKILL) {
      kill(standing->worker);
    } else {
      standing->worker.note_kill();
      static_cast<void>(standing->worker.child()->signal(signal));
      engine_.arm(base::Deadline::in(kTerminateGrace), standing->id);
    }
  }
  finish_if_done();
}

// --- what users are told ------------------------------------------------------------------------

// Has users' code called on the notifier thread; join() waits for it.
void ProcessPool::call_later(std::function<void()> notice) {
  engine_.call_later([self = self(), notice = std::move(notice)] {
    {
      const Engine::Lock lock(self->engine_);
      ++self->notices_begun_;
    }
    const base::ScopeExit leave([&] {
      const Engine::Lock lock(self->engine_);
      --self->notices_begun_;
      --self->notices_;
      self->done_.notify_all();
    });
    notice();
  });
  ++notices_;
}

void ProcessPool::tell_end(const Standing& standing,
                           std::optional<os::ExitStatus> status) noexcept {
  tell([&] { return event_of_end(standing, status); });
}

WorkerEvent ProcessPool::event_of_end(const Standing& standing,
                                      std::optional<os::ExitStatus> status) const {
  const Supervisor& supervisor = dispatcher_.supervisor();
  WorkerEvent event;
  event.index = standing.index;
  event.pid = standing.worker.child()->pid();
  event.message = "worker pid " + std::to_string(event.pid) + " ";
  if (!supervisor.is_dismissed(standing.index)) {
    event.kind = WorkerEvent::Kind::lost;
    event.message += "died";
  } else if (dispatcher_.is_closed() || standing.index >= supervisor.wanted()) {
    event.kind = WorkerEvent::Kind::ended;
    event.message += "left";
  } else {
    event.kind = WorkerEvent::Kind::recycled;
    event.message += "left for another";
  }
  if (status && status->signal != 0) event.signal = status->signal;
  if (status && status->signal == 0) event.exit_status = status->code;
  return event;
}

// A worker says that it is ready, or why the pool can be of no use.
void ProcessPool::greet(Standing& standing) {
  std::string complaint;
  const Incarnation::Hello hello = standing.worker.read_hello(complaint);
  if (hello == Incarnation::Hello::broken) {
    dispatcher_.on_broken("a worker cannot begin: " + complaint);
    finish_if_done();
  }
  if (hello != Incarnation::Hello::ready) return;
  standing.is_ready = true;
  tell([&] {
    return WorkerEvent{.kind = WorkerEvent::Kind::ready,
                       .index = standing.index,
                       .pid = standing.worker.child()->pid()};
  });
  observer_.on_ready(standing.index);
  dispatcher_.on_ready(standing.index);
  show();
}

// The exception is decoded, and the user asked, on the notifier thread.
void ProcessPool::ask_user(const TaskRef& task) {
  call_later([this, task] { ask(task); });
}

void ProcessPool::ask(const TaskRef& task) {
  bool runs_again = false;
  try {
    Reader reader(task->thrown->bytes(), task->thrown->descriptors());
    serial::throw_exception(reader, task->name());
  } catch (...) {
    try {
      runs_again = task->policy->retry_if(std::current_exception());
    } catch (const std::exception& error) {
      base::log(LogLevel::error, "TaskOptions::retry_if has thrown: ", error.what());
    } catch (...) {
      base::log(LogLevel::error, "TaskOptions::retry_if has thrown what is no std::exception");
    }
  }
  const Engine::Lock lock(engine_);
  dispatcher_.on_answer(task, runs_again);
  finish_if_done();
}

// --- timers -------------------------------------------------------------------------------------

// True if it was one of the dispatcher's timers.
bool ProcessPool::owns_timer(WorkerId id) {
  if (id == stall_timer_) {
    dispatcher_.on_stall();
  } else if (id == alarm_) {
    dispatcher_.on_alarm();
    finish_if_done();
  } else if (const auto watched = watches_.find(id); watched != watches_.end()) {
    collect();  // what has ended in time
    dispatcher_.on_watch(watched->second);
    finish_if_done();
  } else {
    return false;
  }
  return true;
}

// With the worker's start: the time of a task that was handed over must not go unwatched.
void ProcessPool::own_watch(WorkerIndex index) {
  if (index >= watch_ids_.size()) watch_ids_.resize(index + 1);
  WorkerId& id = watch_ids_[index];
  if (id != 0) return;
  const WorkerId fresh = engine_.next_worker_id();
  watches_[fresh] = index;
  engine_.own(fresh, *this);
  id = fresh;
}

void ProcessPool::set_watch(WorkerIndex index, TimePoint at) {
  engine_.arm(base::Deadline::at(at), watch_ids_[index]);
}

void ProcessPool::set_alarm(TimePoint at) { engine_.arm(base::Deadline::at(at), alarm_); }

}  // namespace shoal::pool
