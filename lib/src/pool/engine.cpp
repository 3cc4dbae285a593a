// SPDX-License-Identifier: Apache-2.0
#include "pool/engine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "base/scope_exit.hpp"
#include "os/child.hpp"
#include "os/memfd.hpp"
#include "pool/process_pool.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// Keys of watched descriptors: the worker's id above two bits that say which descriptor.
enum class Watched : std::uint64_t { sentinel = 0, control = 1 };
constexpr std::uint64_t kServiceKey = ~std::uint64_t{0};

std::uint64_t key_of(WorkerId worker, Watched watched) noexcept {
  return worker << 2 | static_cast<std::uint64_t>(watched);
}

template <class T>
T take_or_throw(os::Result<T> result) {
  if (!result) {
    throw ResourceError(std::error_code(result.error().error, std::generic_category()),
                        "a pool needs " + result.error().to_string());
  }
  return std::move(*result);
}

}  // namespace

Engine& Engine::instance() {
  process::Runtime& runtime = process::Runtime::instance();
  const std::lock_guard guard(runtime.engine_mutex());
  std::shared_ptr<void>& slot = runtime.engine_slot();
  // Never destroyed: its thread runs until the process ends.
  if (slot == nullptr) slot = std::shared_ptr<void>(new Engine, [](void*) {});
  return *static_cast<Engine*>(slot.get());
}

Engine::Bedside Engine::Bedside::make() {
  os::Bell bell = take_or_throw(os::create_bell());
  return {std::move(bell.ear), std::make_shared<const UniqueFd>(std::move(bell.button)),
          take_or_throw(os::create_event())};
}

void Engine::Bedside::silence() const noexcept {
  os::silence(ear.get());
  os::silence(own.get());
}

Engine::Engine() {
  os::Fd file = take_or_throw(os::create_shared_file("shoal-board", kBoardBytes));
  board_map_ =
      take_or_throw(memory::Mapping::map(file.get(), kBoardBytes, memory::Access::read_write));
  const os::Result<void> sealed = os::seal(file.get(), os::Writers::those_who_mapped);
  if (!sealed) base::log(LogLevel::warn, "the board is not sealed: " + sealed.error().to_string());
  board_file_ = std::make_shared<const UniqueFd>(std::move(file));
  poller_ = take_or_throw(os::Poller::create());
  for (const os::Fd* ear : {&service_.ear, &service_.own}) {
    const os::Result<void> added = poller_->add(ear->get(), kServiceKey);
    if (!added) throw ResourceError("a pool needs " + added.error().to_string());
  }
  const os::Result<void> started =
      process::Runtime::instance().start_own_thread("shoal-service", [this] { serve(); });
  if (!started) throw ResourceError("a pool needs " + started.error().to_string());
}

SharedBoard& Engine::board() noexcept {
  return *std::launder(reinterpret_cast<SharedBoard*>(board_map_.data()));
}

void Engine::Lock::unlock() {
  const auto bells = std::exchange(engine_.to_wake_, {});
  const auto records = std::exchange(engine_.to_log_, {});
  lock_.unlock();
  // A worker may be gone by now and its memory unmapped: such a wake wakes nobody.
  for (const auto* bell : bells) sync::Hardware::wake(*bell, 1);
  for (const auto& [level, text] : records) base::log(level, text);
}

// --- waiting ------------------------------------------------------------------------------------

bool Engine::wait(Task& task, base::Deadline deadline) {
  if (task.is_done()) return true;
  Lock lock(*this);
  Waiter self;
  task.waiters.push_back(&self);
  const base::ScopeExit leave([&] {
    std::erase(task.waiters, &self);
    if (leading_ == nullptr) pass_lead();
  });
  bool can_lead = true;
  for (bool is_first_look = true; is_first_look || !deadline.is_past(); is_first_look = false) {
    if (leading_ == nullptr && can_lead) {
      can_lead = lead(lock, task, self, deadline);
    } else {
      follow(lock, task, self, deadline);
    }
    if (task.is_done()) return true;
  }
  return false;
}

bool Engine::cancel(Task& task) {
  const Lock lock(*this);
  return task.pool != nullptr && task.pool->shared_from_this()->cancel(task);
}

// Collects until its own task is done. Before each sleep it posts where it will sleep and looks
// once more: what is published after that look rings. False if it cannot sleep, because somebody
// closed our descriptors: the service thread goes on.
bool Engine::lead(Lock& lock, Task& task, Waiter& self, base::Deadline deadline) {
  leading_ = &self;
  const base::ScopeExit leave([&] {
    leading_ = nullptr;
    post(Collector::service);
    try {
      collect();
    } catch (const std::exception&) {  // no memory: the service thread looks again
      os::ring(service_.own.get());
    }
  });
  for (;;) {
    post(Collector::leader_asleep);
    collect();
    if (task.is_done() || deadline.is_past()) return true;
    if (!sleep_unlocked(lock, deadline)) return false;
  }
}

bool Engine::sleep_unlocked(Lock& lock, base::Deadline deadline) {
  lock.unlock();
  const base::ScopeExit relock([&] {
    lock.lock();
    leader_.silence();
  });
  const std::array ears{leader_.ear.get(), leader_.own.get()};
  return static_cast<bool>(os::wait_readable(ears, deadline));
}

void Engine::follow(Lock& lock, Task& task, Waiter& self, base::Deadline deadline) {
  followers_.push_back(&self);
  const auto is_called = [&] { return self.is_called || task.is_done(); };
  // Other tasks may be waiting for the wakes this thread has put on the list.
  lock.unlock();
  lock.lock();
  if (deadline.is_never()) {
    self.wake.wait(lock.native(), is_called);
  } else {
    self.wake.wait_until(lock.native(), deadline.at(), is_called);
  }
  self.is_called = false;
  std::erase(followers_, &self);
}

void Engine::pass_lead() {
  if (followers_.empty()) return;
  followers_.front()->is_called = true;
  followers_.front()->wake.notify_one();
}

void Engine::announce(Task& task) {
  for (Waiter* waiter : std::exchange(task.waiters, {})) {
    waiter->is_called = true;
    waiter->wake.notify_one();
    if (waiter == leading_) os::ring(leader_.own.get());
  }
}

// --- the service thread -------------------------------------------------------------------------

void Engine::serve() {
  base::Deadline next = base::Deadline::never();
  for (;;) {
    try {
      next = serve_once(next);
    } catch (const std::bad_alloc& error) {
      base::log(LogLevel::error, std::string("the service thread: ") + error.what());
    } catch (const std::exception& error) {  // somebody has closed our descriptors
      base::log(LogLevel::critical, std::string("the service thread ends: ") + error.what());
      return;
    }
  }
}

// Waits for what is due, deals with it, and tells until when nothing else is.
base::Deadline Engine::serve_once(base::Deadline next) {
  const os::Result<std::vector<std::uint64_t>> keys = poller_->wait(next);
  if (!keys) throw ResourceError(keys.error().to_string());
  for (const std::uint64_t key : *keys) handle(key);
  const Lock lock(*this);
  if (leading_ == nullptr) {
    post(Collector::service);
    collect();
  }
  expire();
  return timers_.empty() ? base::Deadline::never() : timers_.begin()->first;
}

void Engine::handle(std::uint64_t key) {
  if (key == kServiceKey) return service_.silence();
  const WorkerId worker = key >> 2;
  const std::shared_ptr<ProcessPool> pool = owner_of(worker);
  if (pool == nullptr) return;
  if (static_cast<Watched>(key & 3) == Watched::sentinel) {
    pool->on_end(worker);
  } else {
    pool->on_control(worker);
  }
}

std::shared_ptr<ProcessPool> Engine::owner_of(WorkerId worker) {
  const Lock lock(*this);
  const auto at = owners_.find(worker);
  return at == owners_.end() ? nullptr : at->second->shared_from_this();
}

void Engine::collect() {
  // By index: collecting may finish a pool and remove it.
  for (std::size_t i = pools_.size(); i-- > 0;) pools_[i]->collect();
}

void Engine::expire() {
  while (!timers_.empty() && timers_.begin()->first.is_past()) {
    const WorkerId worker = timers_.begin()->second;
    timers_.erase(timers_.begin());
    if (const auto at = owners_.find(worker); at != owners_.end()) at->second->on_timeout(worker);
  }
}

// --- bookkeeping, with the lock held ------------------------------------------------------------

void Engine::add(std::shared_ptr<ProcessPool> pool) { pools_.push_back(std::move(pool)); }

void Engine::remove(const ProcessPool& pool) {
  std::erase_if(pools_, [&](const auto& other) { return other.get() == &pool; });
}

os::Result<void> Engine::watch(WorkerId worker, ProcessPool& pool, int sentinel, int control) {
  os::Result<void> added = poller_->add(sentinel, key_of(worker, Watched::sentinel));
  if (!added) return added;
  added = poller_->add(control, key_of(worker, Watched::control));
  if (!added) {
    poller_->remove(sentinel);
    return added;
  }
  owners_[worker] = &pool;
  return {};
}

void Engine::unwatch(WorkerId worker, int sentinel, int control) {
  poller_->remove(sentinel);
  poller_->remove(control);
  owners_.erase(worker);
}

void Engine::watch_for_end(WorkerId worker, int control) {
  poller_->watch_for_end(control, key_of(worker, Watched::control));
}

void Engine::stop_watching(int control) { poller_->remove(control); }

void Engine::arm(base::Deadline deadline, WorkerId worker) {
  timers_.emplace(deadline, worker);
  os::ring(service_.own.get());
}

}  // namespace shoal::pool
