// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"

namespace shoal {

/// What lock() does about an owner that died.
enum class OnOwnerDeath {
  fail,     ///< throws OwnerDiedError until somebody calls recover()
  acquire,  ///< takes the lock over: what it guards survives a death at any instruction
};

namespace internal {
/// What is left until `moment`, by whatever clock.
template <class Clock, class Length>
Duration time_until(std::chrono::time_point<Clock, Length> moment) {
  return std::chrono::ceil<Duration>(moment - Clock::now());
}

/// Calls `wait(what is left)` until it is true, or `moment` has come; other clocks may be set.
template <class Clock, class Length, class Wait>
bool wait_until(std::chrono::time_point<Clock, Length> moment, Wait wait) {
  do {
    if (wait(time_until(moment))) return true;
  } while (Clock::now() < moment);
  return false;
}

/// What every lock can do that has try_lock_for(), unlock(), take_over() and abandon(); the latter
/// two may be private.
template <class Self>
class LockMembers {
 public:
  /// Takes the lock if it is free. Errors as lock().
  bool try_lock() const { return self().try_lock_for(Duration::zero()); }
  /// Takes the lock, waiting until `moment` and no longer. Errors as lock().
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> moment) const {
    return wait_until(moment, [&](Duration left) { return self().try_lock_for(left); });
  }

  /// Frees a lock whose owner died; false if it was free already, and there is nothing to mend.
  /// @throws Error  its owner lives
  bool recover() const {
    return recover([] {});
  }
  /// Calls `repair` while it holds the lock of an owner that died, and then frees it; false if it
  /// was free already. If `repair` throws, or its process dies, the lock is again one of a dead
  /// owner.
  /// @throws Error  its owner lives
  template <std::invocable Repair>
  bool recover(Repair&& repair) const {
    if (!self().take_over()) return false;
    try {
      std::forward<Repair>(repair)();
    } catch (...) {
      self().abandon();
      throw;
    }
    self().unlock();
    return true;
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};
}  // namespace internal

/// A lock between processes, and between their threads: what std::lock_guard, std::unique_lock and
/// std::scoped_lock take.
///
/// It belongs to a process, not to a thread: any thread of any process may unlock it, and one that
/// ends with it leaves it locked. If its owner's process is killed, at any instruction, nobody
/// hangs: lock() throws OwnerDiedError, holding nothing, until recover() is called. Who has waited
/// for more than a millisecond comes before those who come later. If the process that made the lock
/// dies, those who wait are told so by OwnerDiedError.
///
/// A handle: copies are the same lock, and it may be an argument, a result or a member of one. In a
/// copy of the process made by a bare fork() its members throw ClosedError.
/// Cost: some 20 ns if it is free; a system call only if somebody sleeps.
/// Safe from many threads and processes. Source: Python multiprocessing.Lock.
class Lock : public internal::LockMembers<Lock> {
 public:
  /// Makes a new lock, free.
  /// @throws ResourceError  no memory or descriptors are left
  Lock() : Lock(OnOwnerDeath::fail) {}
  explicit Lock(OnOwnerDeath on_owner_death);

  /// Takes the lock, waiting for it.
  /// @throws OwnerDiedError  its owner died, or the process that made it; the lock is not held
  void lock() const;
  /// Takes the lock, waiting no longer than that. Errors as lock().
  bool try_lock_for(Duration timeout) const;

  /// Frees the lock, whoever took it.
  /// @throws Error  nobody holds it
  void unlock() const;

 private:
  struct State;
  friend struct Codec<Lock>;
  friend class internal::LockMembers<Lock>;

  explicit Lock(std::shared_ptr<State> state) : state_(std::move(state)) {}
  bool take_over() const;
  void abandon() const;

  std::shared_ptr<State> state_;
};

/// A lock that the thread that holds it may take again; it is free after as many unlocks.
///
/// It belongs to a thread: another cannot unlock it. All else as Lock.
/// Source: Python multiprocessing.RLock.
class RLock : public internal::LockMembers<RLock> {
 public:
  /// Makes a new lock, free.
  /// @throws ResourceError  no memory or descriptors are left
  RLock() : RLock(OnOwnerDeath::fail) {}
  explicit RLock(OnOwnerDeath on_owner_death);

  /// Takes the lock, waiting for it, or takes it once more.
  /// @throws OwnerDiedError  its owner died, or the process that made it; the lock is not held
  void lock() const;
  bool try_lock_for(Duration timeout) const;

  /// Takes one lock() back.
  /// @throws Error  this thread does not hold it
  void unlock() const;

 private:
  struct State;
  friend class Condition;
  friend struct Codec<RLock>;
  friend class internal::LockMembers<RLock>;

  explicit RLock(std::shared_ptr<State> state) : state_(std::move(state)) {}
  bool take_over() const;
  void abandon() const;
  // For a wait: gives up all of this thread's lock()s, and takes as many again.
  unsigned unlock_all() const;
  void lock_again(unsigned depth) const;

  std::shared_ptr<State> state_;
};

template <>
struct Codec<Lock> {
  static void encode(Writer& writer, const Lock& lock);
  static Lock decode(Reader& reader);
};
template <>
struct Codec<RLock> {
  static void encode(Writer& writer, const RLock& lock);
  static RLock decode(Reader& reader);
};

inline Lock Context::lock() const { return Lock(); }
inline RLock Context::rlock() const { return RLock(); }

}  // namespace shoal
