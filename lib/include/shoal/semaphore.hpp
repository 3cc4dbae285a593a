// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/lock.hpp"

namespace shoal {

/// So many permits, which processes and their threads take and give back.
///
/// It knows which process holds how many: what a killed process holds comes back. A process that
/// releases gives back what it holds first, and makes new permits beyond that. So one that is used
/// as a signal (some only release, others only acquire) repeats, when a receiver dies, all signals
/// that it has received: take a Queue, an Event or a Condition for that.
///
/// A handle: copies are the same semaphore, and it may be an argument, a result or a member of one.
/// In a copy of the process made by a bare fork() its members throw ClosedError.
/// Safe from many threads and processes. Source: Python multiprocessing.Semaphore.
class Semaphore {
 public:
  /// Permits there can be.
  static constexpr unsigned kMost = (1U << 26) - 1;

  /// Makes a new semaphore.
  /// @throws std::invalid_argument  `value` is more than kMost
  /// @throws ResourceError          no memory or descriptors are left
  Semaphore() : Semaphore(1) {}
  explicit Semaphore(unsigned value);

  /// Takes a permit, waiting for one.
  /// @throws OwnerDiedError  the process that made the semaphore died, and there is no permit
  void acquire() const;
  /// Takes a permit if there is one.
  bool try_acquire() const { return try_acquire_for(Duration::zero()); }
  /// Takes a permit, waiting no longer than that. Errors as acquire().
  bool try_acquire_for(Duration timeout) const;
  template <class Clock, class Length>
  bool try_acquire_until(std::chrono::time_point<Clock, Length> moment) const {
    return internal::wait_until(moment, [&](Duration left) { return try_acquire_for(left); });
  }

  /// Gives `count` permits.
  /// @throws Error  there would be more than kMost, or than a bounded one had in the beginning
  void release(unsigned count = 1) const;

  /// How many permits there are at this moment.
  unsigned value() const;

 protected:
  struct State;
  friend struct Codec<Semaphore>;
  friend struct Codec<BoundedSemaphore>;

  Semaphore(unsigned value, bool is_bounded);
  explicit Semaphore(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

/// A semaphore that never has more permits than in the beginning: a release too many throws.
/// Source: Python multiprocessing.BoundedSemaphore.
class BoundedSemaphore : public Semaphore {
 public:
  /// As Semaphore.
  BoundedSemaphore() : BoundedSemaphore(1) {}
  explicit BoundedSemaphore(unsigned value);

 private:
  friend struct Codec<BoundedSemaphore>;
  explicit BoundedSemaphore(std::shared_ptr<State> state) : Semaphore(std::move(state)) {}
};

template <>
struct Codec<Semaphore> {
  static void encode(Writer& writer, const Semaphore& semaphore);
  static Semaphore decode(Reader& reader);
};
template <>
struct Codec<BoundedSemaphore> {
  static void encode(Writer& writer, const BoundedSemaphore& semaphore);
  static BoundedSemaphore decode(Reader& reader);
};

inline Semaphore Context::semaphore(unsigned value) const { return Semaphore(value); }
inline BoundedSemaphore Context::bounded_semaphore(unsigned value) const {
  return BoundedSemaphore(value);
}

}  // namespace shoal
