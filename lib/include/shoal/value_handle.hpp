// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "shoal/duration.hpp"
#include "shoal/lock.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::internal {

/// What plain shared memory is.
enum class Plain { value, raw_value, array, raw_array, atomic };

/// What Value, Array, their raw kin and Atomic are a skin of: elements in shared memory, and a lock
/// that belongs to a thread. `call` is for errors.
class ValueHandle {
 public:
  /// What it is to be, or what a handle is asked to be one of.
  struct Make {
    Plain plain = Plain::value;
    std::uint64_t type = 0;
    std::size_t element_bytes = 0;
  };

  /// New memory of `count` elements, zeroed and there.
  /// @throws std::length_error  so many cannot be counted in bytes
  ValueHandle(const Make& make, std::size_t count, OnOwnerDeath on_owner_death);

  /// The elements.
  /// @throws ClosedError  this process is a forked copy of the one that the handle belongs to
  void* data(const char* call) const;
  std::size_t size() const noexcept { return size_; }

  bool lock(Duration timeout, const char* call) const;
  void unlock(const char* call) const;
  bool take_over(const char* call) const;
  void abandon(const char* call) const;

  /// Gives what `fn` gives, which it calls while it holds the lock.
  template <class F>
  decltype(auto) locked(const char* call, F&& fn) const {
    lock(forever, call);
    const Held held(*this);
    return std::forward<F>(fn)();
  }

  /// Sleeps until `has_changed(data, old)`; false if it had not by `timeout`.
  bool wait(bool (*has_changed)(const void* word, const void* old), const void* old,
            Duration timeout) const;
  /// Has up to `count` of those who sleep look again.
  void notify(int count) const;

  void encode(Writer& writer) const;
  static ValueHandle decode(Reader& reader, const Make& wanted);

 private:
  struct State;

  // Gives back what it was made with, unless the function has done that itself.
  class Held {
   public:
    explicit Held(const ValueHandle& handle) noexcept : handle_(handle) {}
    ~Held() { handle_.leave(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    const ValueHandle& handle_;
  };

  explicit ValueHandle(std::shared_ptr<State> state);
  void leave() const noexcept;

  std::shared_ptr<State> state_;
  std::size_t size_;
};

}  // namespace shoal::internal
