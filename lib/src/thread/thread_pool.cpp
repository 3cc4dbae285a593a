// SPDX-License-Identifier: Apache-2.0
#include "thread/thread_pool.hpp"

#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "os/child.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal::thread {
namespace {

using pool::Engine;
using pool::Task;
using pool::TaskRef;

// The pool whose thread this is.
thread_local const ThreadPool* this_pool = nullptr;

double random_part() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>()(random);
}

}  // namespace

ThreadPool::ThreadPool(const ThreadPoolOptions& options)
    : engine_(Engine::instance()), options_(options), generation_(process::Runtime::generation()) {
  try {
    while (threads_.size() < options_.max_workers) {
      threads_.emplace_back(&ThreadPool::serve, this, static_cast<unsigned>(threads_.size()));
    }
  } catch (const std::system_error& error) {
    end_threads();
    throw ResourceError(error.code(), "a pool of " + std::to_string(options.max_workers) +
                                          " threads needs more than there are");
  } catch (...) {
    end_threads();
    throw;
  }
}

void ThreadPool::end_threads() {
  {
    const Engine::Lock lock(engine_);
    is_over_ = true;
    work_.notify_all();
  }
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

bool ThreadPool::is_here() const noexcept { return this_pool == this; }

// --- for users ----------------------------------------------------------------------------------

TaskRef ThreadPool::submit(const internal::CallTarget& target,
                           std::unique_ptr<internal::LocalCall> call, pool::TaskPolicy policy) {
  TaskRef task = make_task(target, std::move(call));
  task->policy = std::move(policy);
  {
    const Engine::Lock lock(engine_);
    if (is_closed_) {
      throw PoolClosedError("submit of " + task->name() + ": the pool has been shut down");
    }
    enqueue(task);
    enter(task);
  }
  watch_expiry(task);
  return task;
}

TaskRef ThreadPool::make_task(const internal::CallTarget& target,
                              std::unique_ptr<internal::LocalCall> call) {
  auto task = std::make_shared<Task>(engine_.functions().intern(target), pool::Payload());
  task->local = std::make_unique<pool::LocalTask>();
  task->local->call = std::move(call);
  task->local->home = self();
  task->generation = generation_;
  return task;
}

void ThreadPool::close(bool cancel_queued) {
  const Engine::Lock lock(engine_);
  is_closed_ = true;
  if (cancel_queued) {
    cancels_ = true;
    for (const auto& [priority, task] : queue_) cancel(*task);
    for (const TaskRef& task : std::exchange(waiting_, {})) cancel(*task);
  }
  done_.notify_all();
}

// On the notifier thread nobody but us would begin what comes after its predecessor or its pause.
void ThreadPool::join() {
  if (is_here()) {
    throw std::logic_error(
        "ThreadPoolExecutor::shutdown: a task that waits for the end of its own pool would wait "
        "for ever; shut down without wait, or elsewhere");
  }
  const auto is_over = [&] { return unfinished_ == 0; };
  if (engine_.notifier().is_here()) {
    engine_.notifier().go_on_until([&] {
      const Engine::Lock lock(engine_);
      is_joined_by_notifier_ = true;
      return is_over();
    });
  } else {
    Engine::Lock lock(engine_);
    done_.wait(lock.native(), is_over);
  }
  const std::lock_guard guard(join_mutex_);
  end_threads();
}

bool ThreadPool::cancel(Task& task, Cancel) {
  if (task.status() != Task::Status::queued) return false;
  cancel(task);
  return true;
}

// --- what comes later ---------------------------------------------------------------------------

bool ThreadPool::expect(const TaskRef& task) {
  const Engine::Lock lock(engine_);
  if (is_closed_) return false;
  waiting_.insert(task);
  enter(task);
  return true;
}

void ThreadPool::feed(const TaskRef& task) {
  const Engine::Lock lock(engine_);
  if (task->is_done()) return;
  enqueue(task);
  waiting_.erase(task);
}

void ThreadPool::fail(const TaskRef& task, std::function<void()> thrower) {
  const Engine::Lock lock(engine_);
  if (!task->is_done()) fail_by(*task, std::move(thrower));
}

// --- in a thread --------------------------------------------------------------------------------

void ThreadPool::serve(unsigned number) {
  this_pool = this;
  prepare(number);
  while (const TaskRef task = next()) {
    if (task->is_done()) continue;  // it was cancelled, or has just failed
    try {
      run(task);
    } catch (const std::exception& error) {
      base::log(LogLevel::error, "task " + task->name() + ": " + error.what());
    }
  }
}

void ThreadPool::prepare(unsigned number) noexcept {
  constexpr std::size_t kLongestName = 15;
  std::string complaint;
  try {
    const std::string behind = '-' + std::to_string(number);
    const std::string& prefix = options_.thread_name_prefix;
    os::name_thread((prefix.substr(0, kLongestName - behind.size()) + behind).c_str());
    if (options_.initializer) options_.initializer();
    return;
  } catch (const std::exception& error) {
    complaint = error.what();
  } catch (...) {
    complaint = "no exception of the standard library's";
  }
  const Engine::Lock lock(engine_);
  if (!broken_reason_.empty()) return;
  broken_reason_ = "the initializer of the pool's threads has thrown: " + complaint;
}

// The next task, which is running then, or done; none at the end.
TaskRef ThreadPool::next() {
  Engine::Lock lock(engine_);
  work_.wait(lock.native(), [&] { return is_over_ || !queue_.empty(); });
  if (queue_.empty()) return nullptr;
  TaskRef task = std::move(queue_.extract(queue_.begin()).mapped());
  if (task->is_done()) return task;
  if (!broken_reason_.empty()) {
    fail_by(*task, [reason = broken_reason_] { throw BrokenPoolError(reason); });
  } else if (task->attempt == 0 && task->expires_at <= base::Deadline::Clock::now()) {
    expire(*task);
  } else {
    task->set_running(true);
    ++task->attempt;
  }
  return task;
}

void ThreadPool::run(const TaskRef& task) {
  const bool has_more = may_run_again(*task);
  internal::LocalValue value;
  std::exception_ptr error;
  try {
    value = task->local->call->run(has_more);
  } catch (...) {
    error = std::current_exception();
  }
  try {
    if (error && has_more && task->policy->retry_if(error) && delay(task)) return;
  } catch (...) {  // thrown by the user's own question: that is what became of it
    error = std::current_exception();
  }
  task->local->call = nullptr;  // the arguments go before anybody knows of the end
  const Engine::Lock lock(engine_);
  task->local->value = std::move(value);
  if (error == nullptr) return finish(*task, Task::Status::finished);
  fail_by(*task, [error] { std::rethrow_exception(error); });
}

bool ThreadPool::may_run_again(const Task& task) {
  if (task.policy == nullptr || task.policy->retry_if == nullptr) return false;
  const Engine::Lock lock(engine_);
  return task.attempt <= task.retries() && !cancels_;
}

// Has a task run again after a pause; false if it is not to, after all.
bool ThreadPool::delay(const TaskRef& task) {
  const Duration pause = pool::pause_before(*task->policy, task->attempt, random_part());
  {
    const Engine::Lock lock(engine_);
    if (cancels_) return false;
    task->set_running(false);
    if (pause <= Duration::zero()) {
      enqueue(task);
      return true;
    }
    waiting_.insert(task);
  }
  engine_.notifier().post_at(base::Deadline::in(pause), [weak = std::weak_ptr(self()), task] {
    if (const auto pool = weak.lock()) pool->feed(task);
  });
  return true;
}

// --- expiry -------------------------------------------------------------------------------------

// Also while every thread is busy.
void ThreadPool::watch_expiry(const TaskRef& task) {
  if (task->policy == nullptr || task->policy->expires == forever) return;
  engine_.notifier().post_at(base::Deadline::in(task->policy->expires),
                             [weak = std::weak_ptr(self()), weak_task = std::weak_ptr(task)] {
                               const auto pool = weak.lock();
                               const TaskRef late = weak_task.lock();
                               if (pool == nullptr || late == nullptr) return;
                               const Engine::Lock lock(pool->engine_);
                               if (late->status() == Task::Status::queued && late->attempt == 0)
                                 pool->expire(*late);
                             });
}

void ThreadPool::expire(Task& task) {
  const auto seconds = std::chrono::duration<double>(task.policy->expires).count();
  fail_by(task, [what = "task " + task.name() + " has expired: no thread began it within " +
                        std::to_string(seconds) +
                        " s of submit (TaskOptions::expires)"] { throw TaskTimeoutError(what); });
}

// --- ends, with the engine's lock held ----------------------------------------------------------

void ThreadPool::enter(const TaskRef& task) {
  task->id = next_id_++;
  task->pool = this;
  if (task->policy != nullptr && task->policy->expires != forever) {
    task->expires_at = base::Deadline::in(task->policy->expires).at();
  }
  ++unfinished_;
}

void ThreadPool::enqueue(const TaskRef& task) {
  queue_.emplace(task->priority(), task);
  work_.notify_one();
}

void ThreadPool::cancel(Task& task) {
  if (task.is_done()) return;
  const char* const when = task.attempt > 0 ? " was cancelled" : " was cancelled before it started";
  fail_by(
      task, [name = task.name(), when] { throw CancelledError("task " + name + when); },
      Task::Status::cancelled);
}

void ThreadPool::finish(Task& task, Task::Status status) {
  task.pool = nullptr;
  task.finish(status);
  if (task.is_awaited()) engine_.announce(task);
  if (--unfinished_ > 0) return;
  done_.notify_all();
  if (is_joined_by_notifier_) engine_.call_later([] {});  // it looks again behind each notice
}

}  // namespace shoal::thread
