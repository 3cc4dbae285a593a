// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/lock.hpp"
#include "shoal/shareable.hpp"
#include "shoal/type_hash.hpp"
#include "shoal/value_handle.hpp"

namespace shoal {

/// A std::atomic that processes and their threads share, and wait for.
///
///     Atomic<int> counter{0};
///     counter.fetch_add(1);                 // here, or wherever there is a handle: none is lost
///
/// Lock-free: whoever is killed at any instruction has done an operation, or not begun it. Who
/// waits for a change looks again when a process that has a handle dies, and every 100 ms: so a
/// writer may be killed, or stopped, between its store and its notify_one().
///
/// A handle: copies are the same word, and it may be an argument, a result or a member of one. In a
/// copy of the process made by a bare fork() its members throw ClosedError.
/// Shape: T is trivially copyable, holds no pointer and has up to 8 bytes. Cost: that of a
/// std::atomic and some 2 ns; a system call only if somebody sleeps.
/// Safe from many threads and processes. Source: std::atomic; C++'s answer to Python's Value.
template <class T>
class Atomic {
  static_assert(internal::require_shareable<T>());
  static_assert(std::atomic_ref<T>::is_always_lock_free,
                "shoal: the machine changes no T in one step. Take one of 1, 2, 4 or 8 bytes, or "
                "a shoal::Value, which has a lock.");

  static constexpr bool kIsInteger = std::integral<T> && !std::same_as<T, bool>;
  static constexpr bool kIsNumber = kIsInteger || std::floating_point<T>;

 public:
  using value_type = T;
  using Order = std::memory_order;
  static constexpr Order kStrictest = Order::seq_cst;

  /// Makes a new word.
  /// @throws ResourceError  no memory or descriptors are left
  Atomic() : Atomic(T()) {}
  explicit Atomic(T initial) : handle_(kMake, 1, OnOwnerDeath::fail) {
    std::construct_at(&word(), initial);
  }

  /// As those of std::atomic; compare_exchange() is the strong one.
  T load(Order order = kStrictest) const { return ref().load(order); }
  void store(T value, Order order = kStrictest) const { ref().store(value, order); }
  T exchange(T value, Order order = kStrictest) const { return ref().exchange(value, order); }
  bool compare_exchange(T& expected, T desired, Order order = kStrictest) const {
    return ref().compare_exchange_strong(expected, desired, order);
  }
  bool compare_exchange_strong(T& expected, T desired, Order order = kStrictest) const {
    return ref().compare_exchange_strong(expected, desired, order);
  }
  bool compare_exchange_strong(T& expected, T desired, Order success, Order failure) const {
    return ref().compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, Order order = kStrictest) const {
    return ref().compare_exchange_weak(expected, desired, order);
  }
  bool compare_exchange_weak(T& expected, T desired, Order success, Order failure) const {
    return ref().compare_exchange_weak(expected, desired, success, failure);
  }

  /// Adds, and gives what was there before.
  T fetch_add(T value, Order order = kStrictest) const requires(kIsNumber) {
    return ref().fetch_add(value, order);
  }
  T fetch_sub(T value, Order order = kStrictest) const requires(kIsNumber) {
    return ref().fetch_sub(value, order);
  }
  T fetch_and(T value, Order order = kStrictest) const requires(kIsInteger) {
    return ref().fetch_and(value, order);
  }
  T fetch_or(T value, Order order = kStrictest) const requires(kIsInteger) {
    return ref().fetch_or(value, order);
  }
  T fetch_xor(T value, Order order = kStrictest) const requires(kIsInteger) {
    return ref().fetch_xor(value, order);
  }

  /// Change it, and give what is there then; after it, what was there before.
  T operator++() const requires(kIsInteger) { return ++ref(); }
  T operator--() const requires(kIsInteger) { return --ref(); }
  T operator++(int) const requires(kIsInteger) { return fetch_add(1); }
  T operator--(int) const requires(kIsInteger) { return fetch_sub(1); }
  T operator+=(T value) const requires(kIsNumber) { return ref() += value; }
  T operator-=(T value) const requires(kIsNumber) { return ref() -= value; }
  T operator&=(T value) const requires(kIsInteger) { return ref() &= value; }
  T operator|=(T value) const requires(kIsInteger) { return ref() |= value; }
  T operator^=(T value) const requires(kIsInteger) { return ref() ^= value; }

  /// Waits until the word is other than `old`. Its bytes are compared.
  /// @throws OwnerDiedError  the process that made it died, and the word is still `old`
  void wait(T old) const { wait_for(old, forever); }
  /// Waits no longer than that; false if the word was still `old`. Errors as wait().
  bool wait_for(T old, Duration timeout) const {
    return handle_.wait(
        [](const void* word, const void* seen) {
          auto& shared = *static_cast<T*>(const_cast<void*>(word));
          const T now = std::atomic_ref<T>(shared).load();
          return std::memcmp(&now, seen, sizeof(T)) != 0;
        },
        &old, timeout);
  }
  template <class Clock, class Length>
  bool wait_until(T old, std::chrono::time_point<Clock, Length> moment) const {
    return internal::wait_until(moment, [&](Duration left) { return wait_for(old, left); });
  }

  /// Has one who waits look at the word, or all: called after it was changed.
  void notify_one() const { handle_.notify(1); }
  void notify_all() const { handle_.notify(std::numeric_limits<int>::max()); }

 private:
  friend struct Codec<Atomic>;
  static constexpr internal::ValueHandle::Make kMake{internal::Plain::atomic, type_hash<T>(),
                                                     sizeof(T)};

  explicit Atomic(internal::ValueHandle handle) : handle_(std::move(handle)) {}
  T& word() const { return *static_cast<T*>(handle_.data("Atomic")); }
  std::atomic_ref<T> ref() const { return std::atomic_ref<T>(word()); }

  internal::ValueHandle handle_;
};

template <class T>
struct Codec<Atomic<T>> {
  static void encode(Writer& writer, const Atomic<T>& atomic) { atomic.handle_.encode(writer); }
  static Atomic<T> decode(Reader& reader) {
    return Atomic<T>(internal::ValueHandle::decode(reader, Atomic<T>::kMake));
  }
};

template <class T>
Atomic<T> Context::atomic(T initial) const {
  return Atomic<T>(initial);
}

}  // namespace shoal
