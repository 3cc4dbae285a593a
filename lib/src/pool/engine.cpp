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
  logs_.emplace(board(), notifier_);
  listen();
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
  if (engine_.to_wake_.empty() && engine_.unposted_ == 0 && engine_.to_call_ == nullptr &&
      engine_.errands_.empty()) {
    return lock_.unlock();
  }
  auto errands = std::exchange(engine_.errands_, {});
  const auto bells = std::exchange(engine_.to_wake_, {});
  const std::size_t notices = std::exchange(engine_.unposted_, 0);
  WaiterLink* callbacks = std::exchange(engine_.to_call_, nullptr);
  engine_.last_to_call_ = nullptr;
  lock_.unlock();
  // A worker may be gone by now and its memory unmapped: such a wake wakes nobody.
  for (const auto* bell : bells) sync::Hardware::wake(*bell, 1);
  if (!errands.empty()) process::Runtime::instance().spawner().post(std::move(errands));
  // Each calls the oldest notice there is then: the notices stay in their order, whoever posts.
  for (std::size_t i = 0; i < notices; ++i) {
    engine_.notifier_.post([&engine = engine_] { engine.give_notice(); });
  }
  while (callbacks != nullptr) {
    const std::unique_ptr<Callback> callback(static_cast<Callback*>(callbacks));
    callbacks = callback->next;
    engine_.notifier_.post(std::move(callback->call));
  }
}

// --- waiting ------------------------------------------------------------------------------------

bool Engine::wait(Task& task, base::Deadline deadline) {
  if (task.is_done()) return true;
  Lock lock(*this);
  if (task.is_done()) return true;
  Waiter self;
  self.spin = task.pool->spin();
  WaiterLink link{&self};
  add_link(task.waiters, link);
  const base::ScopeExit leave([&] { remove_link(task.waiters, link); });
  return wait(lock, self, deadline);
}

bool Engine::wait(Lock& lock, Ledger& ledger, Duration spin, base::Deadline deadline) {
  Waiter self;
  self.spin = spin;
  WaiterLink link{&self};
  add_link(ledger.waiters, link);
  const base::ScopeExit leave([&] { remove_link(ledger.waiters, link); });
  return wait(lock, self, deadline);
}

bool Engine::wait(Lock& lock, Waiter& self, base::Deadline deadline) {
  const base::ScopeExit leave([&] {
    if (leading_ == nullptr) pass_lead();
  });
  bool can_lead = true;
  for (bool is_first_look = true; is_first_look || !deadline.is_past(); is_first_look = false) {
    if (leading_ == nullptr && can_lead) {
      can_lead = lead(lock, self, deadline);
    } else {
      follow(lock, self, deadline);
    }
    if (self.wanted == 0) return true;
  }
  return false;
}

void Engine::call_when_done(Task& task, std::unique_ptr<Callback> callback) {
  Lock lock(*this);
  if (!task.is_done()) return add_link(task.waiters, *callback.release());
  lock.unlock();
  Notifier::call(callback->call);
}

void Engine::call_when_done(Ledger& ledger, std::unique_ptr<Callback> callback) {
  Lock lock(*this);
  if (ledger.unsettled > 0) return add_link(ledger.waiters, *callback.release());
  lock.unlock();
  Notifier::call(callback->call);
}

void Engine::give_notice() {
  std::function<void()> notice;
  {
    const std::lock_guard guard(mutex_);
    notice = std::move(notices_.front());
    notices_.pop_front();
  }
  notice();
}

bool Engine::cancel(Task& task, Cancel reach) {
  const Lock lock(*this);
  return task.pool != nullptr && task.pool->shared_from_this()->cancel(task, reach);
}

std::optional<double> Engine::progress(const Task& task) {
  const Lock lock(*this);
  return task.pool == nullptr ? std::nullopt : task.pool->progress(task);
}

// A part that is done has no pool any more, but those behind it may have.
void Engine::drop(TaskRef first) {
  std::vector<TaskRef> parts;  // outlives the lock
  const Lock lock(*this);
  while (first != nullptr && first->pool == nullptr) first = std::move(first->part->rest);
  if (first == nullptr) return;
  const std::shared_ptr<ProcessPool> pool = find(first->pool_number);
  if (pool != nullptr) parts = pool->drop(std::move(first));
}

// Collects until it has what it wants. Before each sleep it posts where it will sleep and looks
// once more: what is published after that look rings. False if it cannot sleep, because somebody
// closed our descriptors: the service thread goes on.
bool Engine::lead(Lock& lock, Waiter& self, base::Deadline deadline) {
  leading_ = &self;
  const base::ScopeExit leave([&] { stop_leading(); });
  while (self.wanted > 0) {
    if (poll(lock, self, deadline)) return true;
    const bool on_words = list_words();
    post(on_words ? Collector::leader_on_words : Collector::leader_asleep);
    const std::uint64_t before = collected_;
    collect();
    if (self.wanted == 0 || deadline.is_past()) return true;
    // Saves a system call: a word has changed since it was listed, or a bell was rung, and the
    // sleep would end at once.
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
bool Engine::poll(Lock& lock, const Waiter& self, base::Deadline deadline) {
  // Looking at the clock takes as long as some looks at the mailboxes.
  constexpr unsigned kLooksPerClock = 16;
  const Duration spin = self.spin;
  if (spin <= Duration::zero() || !spin_history_.should_spin() || !spin_tokens_.lead()) {
    return false;
  }
  ++spins_;
  if (posted_ != Collector::polling) post(Collector::polling);
  base::Deadline end = std::min(base::Deadline::in(spin), deadline);
  for (unsigned looks = 1;; ++looks) {
    const std::uint64_t before = collected_;
    collect();
    if (self.wanted == 0) {
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

void Engine::follow(Lock& lock, Waiter& self, base::Deadline deadline) {
  followers_.push_back(&self);
  const auto is_called = [&] { return self.is_called || self.wanted == 0; };
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
  tell(std::exchange(task.waiters, nullptr), task.has_failed());
  if (task.part == nullptr || task.part->ledger == nullptr) return;
  const std::shared_ptr<Ledger> ledger = std::move(task.part->ledger);
  if (ledger->enter(task)) tell(std::exchange(ledger->waiters, nullptr), false);
}

// The last callback to be added stands first in the list.
void Engine::tell(WaiterLink* link, bool has_failed) {
  WaiterLink* callbacks = nullptr;
  while (link != nullptr) {
    WaiterLink* const next = std::exchange(link->next, nullptr);
    if (link->waiter != nullptr) {
      link->waiter->arrive(*link, has_failed);
      if (link->waiter->wanted == 0) call(*link->waiter);
    } else {
      link->next = std::exchange(callbacks, link);
    }
    link = next;
  }
  if (callbacks == nullptr) return;
  (last_to_call_ == nullptr ? to_call_ : last_to_call_->next) = callbacks;
  for (last_to_call_ = callbacks; last_to_call_->next != nullptr;) {
    last_to_call_ = last_to_call_->next;
  }
}

void Engine::call(Waiter& waiter) {
  waiter.is_called = true;
  waiter.wake.notify_one();
  if (&waiter == leading_) rouse_leader();
}

}  // namespace shoal::pool
