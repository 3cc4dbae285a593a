// SPDX-License-Identifier: Apache-2.0
// The engine: its service thread, and what is watched for whom.
#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "shoal/error.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {
namespace {

// Keys of watched descriptors: the worker's id above two bits that say which descriptor.
enum class Watched : std::uint64_t { sentinel = 0, control = 1 };
constexpr std::uint64_t kServiceKey = ~std::uint64_t{0};
constexpr std::uint64_t kLogKey = kServiceKey - 1;

std::uint64_t key_of(WorkerId worker, Watched watched) noexcept {
  return worker << 2 | static_cast<std::uint64_t>(watched);
}

// How soon what there was no memory for is tried again.
constexpr Duration kMemoryPause = std::chrono::milliseconds(1);

}  // namespace

// --- the service thread -------------------------------------------------------------------------

void Engine::listen() {
  const auto add = [&](int ear, std::uint64_t key) {
    const os::Result<void> added = poller_->add(ear, key);
    if (!added) throw ResourceError("a pool needs " + added.error().to_string());
  };
  add(service_.ear.get(), kServiceKey);
  add(service_.own.get(), kServiceKey);
  add(logs_->ear(), kLogKey);
}

// What an event lacked the memory for is done when it is reported again: descriptors are until they
// are dealt with, timers stay, and results are looked for at each turn.
void Engine::serve() {
  base::Deadline next = base::Deadline::never();
  for (;;) {
    try {
      next = serve_once(next);
    } catch (const std::bad_alloc&) {
      base::log(LogLevel::error, "the service thread lacks memory, and tries again");
      std::this_thread::sleep_for(kMemoryPause);
      next = base::Deadline::now();
    } catch (const std::exception& error) {  // somebody has closed our descriptors
      base::log(LogLevel::critical, "the service thread ends: ", error.what());
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
  if (end_bell_->take()) {
    for (const auto& pool : pools_) pool->drop_lent();
  }
  if (leading_ == nullptr) {
    post(Collector::service);
    collect();
  }
  expire();
  serving_until_ = timers_.empty() ? base::Deadline::never() : timers_.begin()->first;
  if (has_late_timers_) serving_until_ = std::min(serving_until_, base::Deadline::in(kMemoryPause));
  return serving_until_;
}

void Engine::handle(std::uint64_t key) {
  if (key == kServiceKey) return service_.silence();
  if (key == kLogKey) return logs_->on_bell();
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
  return at == owners_.end() ? nullptr : at->second.pool->self();
}

void Engine::collect() {
  // By index: collecting may finish a pool and remove it.
  for (std::size_t i = pools_.size(); i-- > 0;) collected_ += pools_[i]->collect();
}

bool Engine::has_tasks() const {
  return std::ranges::any_of(pools_, [](const auto& pool) { return pool->has_tasks(); });
}

void Engine::expire() {
  arm_late_timers();
  while (!timers_.empty() && timers_.begin()->first.is_past()) {
    auto timer = timers_.extract(timers_.begin());
    const auto at = owners_.find(timer.mapped());
    if (at == owners_.end()) continue;
    try {
      at->second.pool->on_timeout(timer.mapped());
    } catch (const std::bad_alloc&) {
      timer.key() = base::Deadline::in(kMemoryPause);
      timers_.insert(std::move(timer));
      throw;
    }
  }
}

// Those there was no memory for when they were asked for.
void Engine::arm_late_timers() noexcept {
  if (!std::exchange(has_late_timers_, false)) return;
  for (auto& [worker, owner] : owners_) {
    const base::Deadline deadline = std::exchange(owner.late_timer, base::Deadline::never());
    if (!deadline.is_never()) arm(deadline, worker);
  }
}

// --- bookkeeping, with the lock held ------------------------------------------------------------

void Engine::add(std::shared_ptr<ProcessPool> pool) { pools_.push_back(std::move(pool)); }

std::shared_ptr<ProcessPool> Engine::find(std::uint32_t pool_number) const {
  const auto at =
      std::ranges::find_if(pools_, [&](const auto& pool) { return pool->number() == pool_number; });
  return at == pools_.end() ? nullptr : *at;
}

void Engine::remove(const ProcessPool& pool) {
  std::erase_if(pools_, [&](const auto& other) { return other.get() == &pool; });
}

os::Result<void> Engine::watch(WorkerId worker, ProcessPool& pool, int sentinel, int control) {
  own(worker, pool);
  os::Result<void> added = poller_->add(sentinel, key_of(worker, Watched::sentinel));
  if (added) added = poller_->add(control, key_of(worker, Watched::control));
  if (!added) unwatch(worker, sentinel, control);
  return added;
}

void Engine::unwatch(WorkerId worker, int sentinel, int control) noexcept {
  poller_->remove(sentinel);
  poller_->remove(control);
  owners_.erase(worker);
}

void Engine::watch_for_end(WorkerId worker, int control) {
  poller_->watch_for_end(control, key_of(worker, Watched::control));
}

void Engine::stop_watching(int control) { poller_->remove(control); }

void Engine::wake_later(const std::atomic<std::uint32_t>& bell) noexcept {
  try {
    to_wake_.push_back(&bell);
  } catch (const std::bad_alloc&) {  // now, then: a wake that is forgotten is never made up for
    sync::Hardware::wake(bell, 1);
  }
}

void Engine::look_again() noexcept {
  os::ring(service_.own.get());
  rouse_leader();
}

void Engine::arm(base::Deadline deadline, WorkerId worker) noexcept {
  try {
    timers_.emplace(deadline, worker);
  } catch (const std::bad_alloc&) {
    const auto at = owners_.find(worker);
    if (at == owners_.end()) return;
    at->second.late_timer = std::min(at->second.late_timer, deadline);
    has_late_timers_ = true;
    deadline = base::Deadline::now();
  }
  if (deadline >= serving_until_) return;
  serving_until_ = deadline;
  os::ring(service_.own.get());
}

}  // namespace shoal::pool
