// SPDX-License-Identifier: Apache-2.0
#include "pool/engine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "base/scope_exit.hpp"
#include "os/child.hpp"
#include "os/host.hpp"
#include "os/memfd.hpp"
#include "pool/process_pool.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {
namespace {

// Keys of watched descriptors: the worker's id above two bits that say which descriptor.
enum class Watched : std::uint64_t { sentinel = 0, control = 1 };
constexpr std::uint64_t kServiceKey = ~std::uint64_t{0};

std::uint64_t key_of(WorkerId worker, Watched watched) noexcept {
  return worker << 2 | static_cast<std::uint64_t>(watched);
}

// How long what was called back may take at the end of the process.
constexpr Duration kNotifierGrace = std::chrono::seconds(1);

// Spinners there may be: one CPU stays free for those who work. A worker's own pools sleep, since
// the tree's tokens are its parent's to give.
unsigned spin_token_count() {
  if (process::Runtime::instance().role().parent_pid != 0) return 0;
  return os::usable_cpus() - 1;
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

Engine::Engine() : spin_tokens_(spin_token_count()) {
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
  process::Runtime::instance().at_exit(
      [this] { notifier_.drain(base::Deadline::in(kNotifierGrace)); });
}

SharedBoard& Engine::board() noexcept {
  return *std::launder(reinterpret_cast<SharedBoard*>(board_map_.data()));
}

void Engine::Lock::unlock() {
  if (engine_.to_wake_.empty() && engine_.to_log_.empty()) return lock_.unlock();
  const auto bells = std::exchange(engine_.to_wake_, {});
  auto records = std::exchange(engine_.to_log_, {});
  lock_.unlock();
  // A worker may be gone by now and its memory unmapped: such a wake wakes nobody.
  for (const auto* bell : bells) sync::Hardware::wake(*bell, 1);
  for (auto& [level, text] : records) {
    engine_.notifier_.post([level = level, text = std::move(text)] { base::log(level, text); });
  }
}

// --- waiting ------------------------------------------------------------------------------------

bool Engine::wait(Task& task, base::Deadline deadline) {
  if (task.is_done()) return true;
  Lock lock(*this);
  Waiter self;
  task.add_waiter(self);
  const base::ScopeExit leave([&] {
    task.remove_waiter(self);
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

// A part that is done has no pool any more, but those behind it may have.
void Engine::drop(TaskRef first) {
  std::vector<TaskRef> parts;  // outlives the lock
  const Lock lock(*this);
  while (first != nullptr && first->pool == nullptr) first = std::move(first->part->rest);
  if (first == nullptr) return;
  const std::shared_ptr<ProcessPool> pool = first->pool->shared_from_this();
  parts = pool->drop(std::move(first));
}

// Collects until its own task is done. Before each sleep it posts where it will sleep and looks
// once more: what is published after that look rings. False if it cannot sleep, because somebody
// closed our descriptors: the service thread goes on.
bool Engine::lead(Lock& lock, Task& task, Waiter& self, base::Deadline deadline) {
  leading_ = &self;
  const base::ScopeExit leave([&] { stop_leading(); });
  while (!task.is_done()) {
    if (poll(lock, task, deadline)) return true;
    const bool on_words = list_words();
    post(on_words ? Collector::leader_on_words : Collector::leader_asleep);
    const std::uint64_t before = collected_;
    collect();
    if (task.is_done() || deadline.is_past()) return true;
    // The one ring that its worker has in this epoch may have come before anybody slept.
    if (collected_ != before) continue;
    const auto begin = base::Deadline::Clock::now();
    if (!sleep(lock, deadline, on_words)) return false;
    spin_history_.slept(base::Deadline::Clock::now() - begin);
    collect();
  }
  return true;
}

// With nothing in flight nobody can ring: the board may stay as it is.
void Engine::stop_leading() {
  leading_ = nullptr;
  if (!has_tasks()) return;
  post(Collector::service);
  try {
    collect();
  } catch (const std::exception&) {  // no memory: the service thread looks again
    os::ring(service_.own.get());
  }
}

// Collects without sleeping for as long as its pool allows, counted from the last result that came.
// True if there is nothing to wait for any more.
bool Engine::poll(Lock& lock, const Task& task, base::Deadline deadline) {
  // Looking at the clock takes as long as some looks at the mailboxes.
  constexpr unsigned kLooksPerClock = 16;
  const Duration spin = task.pool->spin();
  if (spin <= Duration::zero() || !spin_history_.should_spin() || !spin_tokens_.lead()) {
    return false;
  }
  ++spins_;
  if (posted_ != Collector::polling) post(Collector::polling);
  base::Deadline end = std::min(base::Deadline::in(spin), deadline);
  for (unsigned looks = 1;; ++looks) {
    const std::uint64_t before = collected_;
    collect();
    if (task.is_done()) {
      spin_history_.spun(true);
      return true;
    }
    if (looks % kLooksPerClock == 0) {
      if (end.is_past()) break;
      if (!spin_tokens_.lead()) break;
    }
    if (collected_ != before) end = std::min(base::Deadline::in(spin), deadline);
    lock.unlock();
    sync::Hardware::relax();
    lock.lock();
  }
  spin_history_.spun(false);
  return deadline.is_past();
}

// Lists the words that change with the next results: a sleep on those costs a system call less on
// each side than one on descriptors. False if there are too many, or the kernel is too old.
bool Engine::list_words() {
  constexpr std::size_t kMostWords = 32;  // each costs a little at every sleep
  words_.clear();
  if (!can_wait_on_words_) return false;
  words_.push_back({&leader_word_, leader_word_.load(std::memory_order_relaxed)});
  for (const auto& pool : pools_) pool->add_words(words_);
  return words_.size() <= kMostWords;
}

// Nothing has been collected, and the lock was not free, since the words were listed.
bool Engine::sleep(Lock& lock, base::Deadline deadline, bool on_words) {
  is_leader_asleep_ = true;
  lock.unlock();
  const base::ScopeExit relock([&] {
    lock.lock();
    is_leader_asleep_ = false;
    if (!on_words) leader_.silence();
  });
  if (on_words) {
    can_wait_on_words_ = static_cast<bool>(os::futex_wait_any(words_, deadline));
    return true;
  }
  const std::array ears{leader_.ear.get(), leader_.own.get()};
  return static_cast<bool>(os::wait_readable(ears, deadline));
}

void Engine::rouse_leader() {
  if (!is_leader_asleep_) return;
  if (posted_ != Collector::leader_on_words) {
    os::ring(leader_.own.get());
    return;
  }
  leader_word_.fetch_add(1, std::memory_order_relaxed);
  wake_later(leader_word_);
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
  for (Waiter* waiter = std::exchange(task.waiters, nullptr); waiter != nullptr;) {
    Waiter* const next = std::exchange(waiter->next, nullptr);
    waiter->is_called = true;
    waiter->wake.notify_one();
    if (waiter == leading_) rouse_leader();
    waiter = next;
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
  serving_until_ = timers_.empty() ? base::Deadline::never() : timers_.begin()->first;
  return serving_until_;
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
  for (std::size_t i = pools_.size(); i-- > 0;) collected_ += pools_[i]->collect();
}

bool Engine::has_tasks() const {
  return std::ranges::any_of(pools_, [](const auto& pool) { return pool->has_tasks(); });
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
  if (deadline >= serving_until_) return;
  serving_until_ = deadline;
  os::ring(service_.own.get());
}

}  // namespace shoal::pool
