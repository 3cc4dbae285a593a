// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/lock.hpp"

namespace shoal {

/// Lets processes and their threads wait, without the lock, until others say that what they wait
/// for may have come true.
///
/// As many go on as are notified, those who have waited longest first. Who is notified and killed
/// before it has the lock again passes that on to another, who may then find that nothing is true
/// yet: only then does a wait end for nothing. `lock` is a Lock, an RLock (given up whole, however
/// often this thread has it), a std::unique_lock of one, or whatever has lock() and unlock().
///
/// A handle: copies are the same condition, and it may be an argument, a result or a member of one.
/// In a copy of the process made by a bare fork() its members throw ClosedError.
/// Safe from many threads and processes. Source: Python multiprocessing.Condition.
class Condition {
 public:
  /// Threads that may wait at once.
  static constexpr unsigned kMostWaiters = 4096;

  /// Makes a new condition. It has no lock of its own.
  /// @throws ResourceError  no memory or descriptors are left
  Condition();

  /// Waits until notified, without `lock`, which is then held again.
  /// @throws OwnerDiedError  `lock` could not be had again, its owner died: it is not held;
  ///                         or the process that made the condition died
  /// @throws ResourceError   kMostWaiters wait already: `lock` is still held
  /// @throws Error           `lock` was not held
  template <class L>
  void wait(L& lock) const {
    wait_for(lock, forever);
  }
  /// Waits until `is_true()`, which is called with the lock held.
  template <class L, class Predicate>
  void wait(L& lock, Predicate is_true) const {
    while (!is_true()) wait(lock);
  }

  /// Waits no longer than that; false if nobody notified. Errors as wait().
  template <class L>
  bool wait_for(L& lock, Duration timeout) const {
    Wait wait(*this);
    const Without<L> without(lock, wait);
    return without.sleep(timeout);
  }
  /// Waits no longer than that until `is_true()`, and gives what it gave last.
  template <class L, class Predicate>
  bool wait_for(L& lock, Duration timeout, Predicate is_true) const {
    return wait_until(lock, std::chrono::steady_clock::now() + bounded(timeout), is_true);
  }
  template <class L, class Clock, class Length>
  bool wait_until(L& lock, std::chrono::time_point<Clock, Length> moment) const {
    return wait_for(lock, internal::time_until(moment));
  }
  template <class L, class Clock, class Length, class Predicate>
  bool wait_until(L& lock, std::chrono::time_point<Clock, Length> moment, Predicate is_true) const {
    while (!is_true()) {
      if (Clock::now() >= moment) return false;
      wait_until(lock, moment);
    }
    return true;
  }

  /// Lets one go on, if any waits. The lock need not be held.
  void notify_one() const { notify(1); }
  /// Lets `count` go on, or as many as wait.
  void notify(unsigned count) const;
  /// Lets all go on who wait now.
  void notify_all() const;

 private:
  struct State;
  friend struct Codec<Condition>;

  explicit Condition(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // So far that the clock can still count it.
  static Duration bounded(Duration timeout) {
    return timeout < std::chrono::hours(24 * 365 * 100) ? timeout
                                                        : std::chrono::hours(24 * 365 * 100);
  }

  // One wait, from before the lock is given up until it is held again.
  class Wait {
   public:
    explicit Wait(const Condition& condition);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    void sleep(Duration timeout);
    bool end();

   private:
    const std::shared_ptr<State> state_;
    unsigned slot_;
    std::uint64_t word_;
    bool is_over_ = false;
    bool has_hub_died_ = false;
  };

  // `lock`, given up while one waits.
  template <class L>
  class Without {
   public:
    Without(L& lock, Wait& wait) : lock_(lock), wait_(wait) { give_up(); }
    bool sleep(Duration timeout) const {
      wait_.sleep(timeout);
      take_again();
      return wait_.end();
    }

   private:
    static constexpr bool kIsRLock = std::is_same_v<std::remove_const_t<L>, RLock>;
    static constexpr bool kIsHeldRLock = std::is_same_v<L, std::unique_lock<RLock>>;

    void give_up() {
      if constexpr (kIsRLock) {
        depth_ = lock_.unlock_all();
      } else if constexpr (kIsHeldRLock) {
        mutex_ = lock_.mutex();
        depth_ = mutex_->unlock_all();
        lock_.release();
      } else {
        lock_.unlock();
      }
    }
    void take_again() const {
      if constexpr (kIsRLock) {
        lock_.lock_again(depth_);
      } else if constexpr (kIsHeldRLock) {
        lock_ = L(*mutex_, std::defer_lock);
        mutex_->lock_again(depth_);
        lock_ = L(*mutex_, std::adopt_lock);
      } else {
        lock_.lock();
      }
    }

    L& lock_;
    Wait& wait_;
    RLock* mutex_ = nullptr;
    unsigned depth_ = 0;
  };

  std::shared_ptr<State> state_;
};

template <>
struct Codec<Condition> {
  static void encode(Writer& writer, const Condition& condition);
  static Condition decode(Reader& reader);
};

inline Condition Context::condition() const { return Condition(); }

}  // namespace shoal
