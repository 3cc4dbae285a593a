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

/// A flag that processes and their threads set, clear and wait for.
///
/// Whoever is killed at any instruction of it leaves it set or not set, and nobody asleep who
/// should be awake. A handle: copies are the same event, and it may be an argument, a result or a
/// member of one. In a copy of the process made by a bare fork() its members throw ClosedError.
/// Safe from many threads and processes. Source: Python multiprocessing.Event.
class Event {
 public:
  /// Makes a new event, not set.
  /// @throws ResourceError  no memory or descriptors are left
  Event();

  /// Sets the flag: all who wait go on, also if it is cleared at once.
  void set() const;
  void clear() const;
  bool is_set() const;

  /// Waits until the flag is set.
  /// @throws OwnerDiedError  the process that made the event died, and the flag is not set
  void wait() const { wait_for(forever); }
  /// Waits no longer than that; false if the flag was not set. Errors as wait().
  bool wait_for(Duration timeout) const;
  template <class Clock, class Length>
  bool wait_until(std::chrono::time_point<Clock, Length> moment) const {
    return internal::wait_until(moment, [&](Duration left) { return wait_for(left); });
  }

 private:
  struct State;
  friend struct Codec<Event>;

  explicit Event(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

template <>
struct Codec<Event> {
  static void encode(Writer& writer, const Event& event);
  static Event decode(Reader& reader);
};

inline Event Context::event() const { return Event(); }

}  // namespace shoal
