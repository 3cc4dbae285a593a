// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "model/machine.hpp"

namespace shoal::model {

/// What the kernel keeps and one can sleep on: an eventfd, the readable end of a pipe, a pidfd. Its
/// lock orders all that is done with it.
class Event {
 public:
  explicit Event(const char* name) : Event(Machine::current().add_location()) {
    Machine::current().name(location_, name);
  }
  static Event of_death(unsigned party) { return Event(Machine::current().death_of(party)); }

  void ring() {
    Machine& machine = Machine::current();
    machine.step("rings");
    machine.write_kernel(location_, 1);
    machine.wake(location_, 32);
  }
  void silence() {
    Machine::current().step("silences");
    Machine::current().write_kernel(location_, 0);
  }
  Location location() const noexcept { return location_; }

 private:
  explicit Event(Location location) noexcept : location_(location) {}

  Location location_;
};

/// poll(2): returns once one of `events` rings.
inline void wait_readable(std::span<const Event* const> events) {
  Machine& machine = Machine::current();
  machine.step("polls");
  for (;;) {
    std::uint64_t sleeps_on = 0;
    std::uint64_t rings = 0;
    for (const Event* event : events) {
      rings |= machine.read_kernel(event->location());
      sleeps_on |= std::uint64_t{1} << event->location();
    }
    if (rings != 0) return;
    machine.sleep_on(sleeps_on);
  }
}

inline void wait_readable(std::initializer_list<const Event*> events) {
  wait_readable(std::span(events.begin(), events.size()));
}

/// A mutex between the threads of one process.
class Mutex {
 public:
  Mutex() : location_(Machine::current().add_location()) {
    Machine::current().name(location_, "the mutex");
  }

  void lock() {
    Machine& machine = Machine::current();
    machine.step("locks");
    while (machine.read_kernel(location_) != 0) machine.sleep_on(std::uint64_t{1} << location_);
    machine.write_kernel(location_, 1);
  }
  void unlock() {
    Machine::current().step("unlocks");
    release();
  }
  /// Unlocks without a step of its own.
  void release() {
    Machine& machine = Machine::current();
    machine.write_kernel(location_, 0);
    machine.wake(location_, 32);
  }

 private:
  Location location_;
};

/// A condition that threads wait for with a mutex.
class Condition {
 public:
  explicit Condition(const char* name) : location_(Machine::current().add_location()) {
    Machine::current().name(location_, name);
  }

  template <class Predicate>
  void wait(Mutex& mutex, Predicate is_true) {
    while (!is_true()) {
      mutex.release();
      Machine::current().sleep_on(std::uint64_t{1} << location_);
      mutex.lock();
    }
  }
  void notify_one() noexcept { Machine::current().wake(location_, 1); }

 private:
  Location location_;
};

}  // namespace shoal::model
