// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/function.hpp"

namespace shoal {

/// Where a fixed number of parties, processes or threads of them, wait for each other, again and
/// again.
///
/// A party that is killed while it waits breaks the barrier: the others throw BrokenBarrierError,
/// as does who comes later, until reset(). One that is killed elsewhere is not missed: those who
/// wait for it should do so with a time-out, which breaks the barrier, too.
///
/// A handle: copies are the same barrier, and it may be an argument, a result or a member of one;
/// one with an action only an argument, as nobody but its parent tells a process what to run.
/// In a copy of the process made by a bare fork() its members throw ClosedError. Safe from many
/// threads and processes. Source: Python multiprocessing.Barrier.
class Barrier {
 public:
  /// Most parties there can be.
  static constexpr unsigned kMostParties = 1U << 16;

  /// Makes a new barrier. `action`, a function or shoal::bind(fn, args...), is called each time by
  /// the party that arrived last, before the others go on. `timeout` is that of arrive_and_wait().
  /// @throws std::invalid_argument  there are no parties, or more than kMostParties
  /// @throws ResourceError          no memory or descriptors are left
  explicit Barrier(unsigned parties, BoundTask action = {}, Duration timeout = forever);

  /// Waits until all parties are here, and gives which of them this one was: 0 came first.
  /// @throws BrokenBarrierError  the barrier is broken, or breaks: a party died here, a time-out
  ///                             passed, somebody called abort() or reset(), or `action` threw
  /// @throws OwnerDiedError      the process that made the barrier died
  /// @throws what `action` throws, in the party that called it
  std::size_t arrive_and_wait() const;
  /// The same, but breaks the barrier unless all are here within `timeout`.
  std::size_t wait_for(Duration timeout) const;

  /// Breaks the barrier.
  void abort() const;
  /// Makes it whole again; those who wait throw BrokenBarrierError.
  void reset() const;

  unsigned parties() const;
  /// How many wait at this moment.
  unsigned n_waiting() const;
  bool broken() const;

 private:
  struct State;
  friend struct Codec<Barrier>;

  explicit Barrier(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

template <>
struct Codec<Barrier> {
  static void encode(Writer& writer, const Barrier& barrier);
  static Barrier decode(Reader& reader);
};

inline Barrier Context::barrier(unsigned parties) const { return Barrier(parties); }
inline Barrier Context::barrier(unsigned parties, BoundTask action) const {
  return Barrier(parties, std::move(action));
}

}  // namespace shoal
