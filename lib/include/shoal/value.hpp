// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <functional>
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

/// A value in memory that processes and their threads share, and the lock that guards it.
///
///     Value<double> v{3.14};
///     v.with([](double& x) { x *= 2; });                  // here, or wherever there is a handle
///     { const std::scoped_lock guard(v);  *v += 1; }
///
/// T is trivially copyable and holds no pointer. The lock is an RLock: who holds it may call
/// anything of the value. get(), set() and with() take it; `*v` does not.
///
/// A process killed while it holds the lock, at any instruction, may leave half a value behind:
/// from then on lock(), get(), set() and with() throw OwnerDiedError, until recover() is called,
/// best with a function that puts the value in order. The memory outlives the process that made it;
/// what needs that process then is told so by OwnerDiedError, as with a Lock.
///
/// A handle: copies are the same value, and it may be an argument, a result or a member of one. In
/// a copy of the process made by a bare fork() its members throw ClosedError.
/// Cost: some 40 ns if the lock is free; two pages of memory, a descriptor.
/// Safe from many threads and processes. Source: Python multiprocessing.Value.
template <class T>
class Value : public internal::LockMembers<Value<T>> {
  static_assert(internal::require_shareable<T>());
  using Members = internal::LockMembers<Value<T>>;

 public:
  using value_type = T;

  /// Makes a new value, its lock free.
  /// @throws ResourceError  no memory or descriptors are left
  Value() : Value(T()) {}
  explicit Value(const T& initial, OnOwnerDeath on_owner_death = OnOwnerDeath::fail)
      : handle_(kMake, 1, on_owner_death) {
    std::construct_at(element("Value"), initial);
  }

  /// Gives a copy.
  /// @throws OwnerDiedError  who held the lock died, or the process that made the value
  T get() const {
    return handle_.locked("Value::get", [this] { return **this; });
  }
  /// Replaces the value. Errors as get().
  void set(const T& value) const {
    handle_.locked("Value::set", [&] { std::construct_at(element("Value::set"), value); });
  }
  /// Gives what `fn` gives, which is called with a T& while the lock is held. Errors as get(); what
  /// `fn` throws passes on, once the lock is free.
  template <std::invocable<T&> F>
  std::invoke_result_t<F, T&> with(F&& fn) const {
    return handle_.locked("Value::with", [&]() -> std::invoke_result_t<F, T&> {
      return std::invoke(std::forward<F>(fn), **this);
    });
  }

  /// The value itself: for who holds the lock.
  T& operator*() const { return *element("Value::operator*"); }
  T* operator->() const { return element("Value::operator->"); }

  /// Takes the lock, waiting for it, or takes it once more. Errors as get(), the lock not held.
  void lock() const { handle_.lock(forever, "Value::lock"); }
  /// Takes the lock, waiting no longer than that. Errors as lock().
  bool try_lock_for(Duration timeout) const { return handle_.lock(timeout, "Value::try_lock_for"); }
  /// Takes one lock() back.
  /// @throws Error  this thread does not hold it
  void unlock() const { handle_.unlock("Value::unlock"); }

  using Members::recover;
  /// Likewise; `repair` is called with a T&.
  template <std::invocable<T&> Repair>
  requires(!std::invocable<Repair>) bool recover(Repair&& repair) const {
    return Members::recover([&] { std::invoke(std::forward<Repair>(repair), **this); });
  }

 private:
  friend struct Codec<Value>;
  friend class internal::LockMembers<Value<T>>;
  static constexpr internal::ValueHandle::Make kMake{internal::Plain::value, type_hash<T>(),
                                                     sizeof(T)};

  explicit Value(internal::ValueHandle handle) : handle_(std::move(handle)) {}
  T* element(const char* call) const { return static_cast<T*>(handle_.data(call)); }
  bool take_over() const { return handle_.take_over("Value::recover"); }
  void abandon() const { handle_.abandon("Value::recover"); }

  internal::ValueHandle handle_;
};

/// A Value without the lock: who reads while another writes may find half of each. For one writer,
/// or for what something else guards; for numbers that many change there is Atomic.
/// Source: Python multiprocessing.sharedctypes.RawValue.
template <class T>
class RawValue {
  static_assert(internal::require_shareable<T>());

 public:
  using value_type = T;

  /// Makes a new value.
  /// @throws ResourceError  no memory or descriptors are left
  RawValue() : RawValue(T()) {}
  explicit RawValue(const T& initial) : handle_(kMake, 1, OnOwnerDeath::fail) { set(initial); }

  /// Gives a copy.
  T get() const { return **this; }
  /// Replaces the value.
  void set(const T& value) const { std::construct_at(&**this, value); }

  /// The value itself.
  T& operator*() const { return *static_cast<T*>(handle_.data("RawValue")); }
  T* operator->() const { return &**this; }

 private:
  friend struct Codec<RawValue>;
  static constexpr internal::ValueHandle::Make kMake{internal::Plain::raw_value, type_hash<T>(),
                                                     sizeof(T)};

  explicit RawValue(internal::ValueHandle handle) : handle_(std::move(handle)) {}

  internal::ValueHandle handle_;
};

template <class T>
struct Codec<Value<T>> {
  static void encode(Writer& writer, const Value<T>& value) { value.handle_.encode(writer); }
  static Value<T> decode(Reader& reader) {
    return Value<T>(internal::ValueHandle::decode(reader, Value<T>::kMake));
  }
};
template <class T>
struct Codec<RawValue<T>> {
  static void encode(Writer& writer, const RawValue<T>& value) { value.handle_.encode(writer); }
  static RawValue<T> decode(Reader& reader) {
    return RawValue<T>(internal::ValueHandle::decode(reader, RawValue<T>::kMake));
  }
};

template <class T>
Value<T> Context::value(const T& initial) const {
  return Value<T>(initial);
}
template <class T>
RawValue<T> Context::raw_value(const T& initial) const {
  return RawValue<T>(initial);
}

}  // namespace shoal
