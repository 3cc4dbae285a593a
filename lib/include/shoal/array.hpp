// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/lock.hpp"
#include "shoal/shareable.hpp"
#include "shoal/type_hash.hpp"
#include "shoal/value_handle.hpp"

namespace shoal {
namespace internal {

/// @throws std::out_of_range
[[noreturn]] void fail_at(std::size_t index, std::size_t size);

/// What can be read by its index: the elements of an Array or a RawArray.
template <class T, Plain plain>
class Elements {
  static_assert(require_shareable<T>());

 public:
  using value_type = T;
  using iterator = T*;

  /// The element itself, for who holds the lock, if there is one. `index` is not checked. A loop
  /// over many is faster over span().
  T& operator[](std::size_t index) const { return data()[index]; }
  /// Likewise.
  /// @throws std::out_of_range  there is no such element
  T& at(std::size_t index) const {
    if (index >= size()) fail_at(index, size());
    return data()[index];
  }

  std::size_t size() const noexcept { return handle_.size(); }
  bool empty() const noexcept { return size() == 0; }

  T* begin() const { return data(); }
  T* end() const { return data() + size(); }
  T* data() const { return static_cast<T*>(handle_.data("Array")); }
  /// All elements, for as long as there is a handle in this process.
  std::span<T> span() const { return {data(), size()}; }

 protected:
  static constexpr ValueHandle::Make kMake{plain, type_hash<T>(), sizeof(T)};

  explicit Elements(ValueHandle handle) : handle_(std::move(handle)) {}
  Elements(std::size_t count, OnOwnerDeath on_owner_death) : handle_(kMake, count, on_owner_death) {
    // The memory is zeroed already.
    if constexpr (!std::is_trivially_default_constructible_v<T>) {
      std::uninitialized_value_construct(begin(), end());
    }
  }
  Elements(std::size_t count, const T& value, OnOwnerDeath on_owner_death)
      : handle_(kMake, count, on_owner_death) {
    std::uninitialized_fill(begin(), end(), value);
  }

  template <class R>
  static ValueHandle copy_of(R&& range, OnOwnerDeath on_owner_death) {
    if constexpr (std::ranges::forward_range<R>) {
      const auto count = static_cast<std::size_t>(std::ranges::distance(range));
      ValueHandle handle(kMake, count, on_owner_death);
      T* to = static_cast<T*>(handle.data("Array"));
      for (auto&& each : range) std::construct_at(to++, static_cast<T>(each));
      return handle;
    } else {
      std::vector<T> all;
      for (auto&& each : range) all.push_back(static_cast<T>(each));
      return copy_of(all, on_owner_death);
    }
  }

  ValueHandle handle_;
};

/// A range of what can be a T, and not the array itself.
template <class R, class T, class Self>
concept ElementsFor =
    std::ranges::input_range<R> && std::convertible_to<std::ranges::range_reference_t<R>, T> &&
    !std::derived_from<std::remove_cvref_t<R>, Self>;

}  // namespace internal

/// So many elements in memory that processes and their threads share, and the lock that guards
/// them all.
///
///     Array<int> a{1, 2, 3};
///     Array<double> b(n);                                  // zeros
///     a.with([](std::span<int> all) { std::ranges::sort(all); });
///     { const std::scoped_lock guard(a);  a[0] = 7; }
///
/// T is trivially copyable and holds no pointer. The lock, what a killed owner leaves, handles and
/// copies are as of a Value: only with() takes the lock by itself, operator[], at(), begin() and
/// span() do not. The memory is there from the beginning, so that an array for which there is none
/// is an error here, not a signal later.
/// Cost: that of a Value, and its elements. Safe from many threads and processes.
/// Source: Python multiprocessing.Array.
template <class T>
class Array : public internal::Elements<T, internal::Plain::array>,
              public internal::LockMembers<Array<T>> {
  using Base = internal::Elements<T, internal::Plain::array>;
  using Members = internal::LockMembers<Array<T>>;

 public:
  /// Makes an array of `count` elements, all T() or `value`, or of those of a range.
  /// @throws std::length_error  so many cannot be counted in bytes
  /// @throws ResourceError      no memory or descriptors are left
  explicit Array(std::size_t count, OnOwnerDeath on_owner_death = OnOwnerDeath::fail)
      : Base(count, on_owner_death) {}
  Array(std::size_t count, const T& value, OnOwnerDeath on_owner_death = OnOwnerDeath::fail)
      : Base(count, value, on_owner_death) {}
  Array(std::initializer_list<T> elements, OnOwnerDeath on_owner_death = OnOwnerDeath::fail)
      : Base(Base::copy_of(elements, on_owner_death)) {}
  template <internal::ElementsFor<T, Array> R>
  explicit Array(R&& range, OnOwnerDeath on_owner_death = OnOwnerDeath::fail)
      : Base(Base::copy_of(std::forward<R>(range), on_owner_death)) {}

  /// Gives what `fn` gives, which is called with a std::span<T> of all elements while the lock is
  /// held; what it throws passes on, once the lock is free.
  /// @throws OwnerDiedError  who held the lock died, or the process that made the array
  template <std::invocable<std::span<T>> F>
  std::invoke_result_t<F, std::span<T>> with(F&& fn) const {
    return this->handle_.locked("Array::with", [&]() -> std::invoke_result_t<F, std::span<T>> {
      return std::invoke(std::forward<F>(fn), this->span());
    });
  }

  /// Takes the lock, waiting for it, or takes it once more. Errors as with(), the lock not held.
  void lock() const { this->handle_.lock(forever, "Array::lock"); }
  /// Takes the lock, waiting no longer than that. Errors as lock().
  bool try_lock_for(Duration timeout) const {
    return this->handle_.lock(timeout, "Array::try_lock_for");
  }
  /// Takes one lock() back.
  /// @throws Error  this thread does not hold it
  void unlock() const { this->handle_.unlock("Array::unlock"); }

  using Members::recover;
  /// Likewise; `repair` is called with a std::span<T> of all elements.
  template <std::invocable<std::span<T>> Repair>
  requires(!std::invocable<Repair>) bool recover(Repair&& repair) const {
    return Members::recover([&] { std::invoke(std::forward<Repair>(repair), this->span()); });
  }

 private:
  friend struct Codec<Array>;
  friend class internal::LockMembers<Array<T>>;

  explicit Array(internal::ValueHandle handle) : Base(std::move(handle)) {}
  bool take_over() const { return this->handle_.take_over("Array::recover"); }
  void abandon() const { this->handle_.abandon("Array::recover"); }
};

/// An Array without the lock: for parts that each belong to one process, or for what something else
/// guards. Source: Python multiprocessing.sharedctypes.RawArray.
template <class T>
class RawArray : public internal::Elements<T, internal::Plain::raw_array> {
  using Base = internal::Elements<T, internal::Plain::raw_array>;

 public:
  /// Makes an array, as Array.
  explicit RawArray(std::size_t count) : Base(count, OnOwnerDeath::fail) {}
  RawArray(std::size_t count, const T& value) : Base(count, value, OnOwnerDeath::fail) {}
  RawArray(std::initializer_list<T> elements) : Base(Base::copy_of(elements, OnOwnerDeath::fail)) {}
  template <internal::ElementsFor<T, RawArray> R>
  explicit RawArray(R&& range) : Base(Base::copy_of(std::forward<R>(range), OnOwnerDeath::fail)) {}

 private:
  friend struct Codec<RawArray>;
  explicit RawArray(internal::ValueHandle handle) : Base(std::move(handle)) {}
};

template <class T>
struct Codec<Array<T>> {
  static void encode(Writer& writer, const Array<T>& array) { array.handle_.encode(writer); }
  static Array<T> decode(Reader& reader) {
    return Array<T>(internal::ValueHandle::decode(reader, Array<T>::kMake));
  }
};
template <class T>
struct Codec<RawArray<T>> {
  static void encode(Writer& writer, const RawArray<T>& array) { array.handle_.encode(writer); }
  static RawArray<T> decode(Reader& reader) {
    return RawArray<T>(internal::ValueHandle::decode(reader, RawArray<T>::kMake));
  }
};

template <class T, class... Args>
Array<T> Context::array(Args&&... args) const {
  return Array<T>(std::forward<Args>(args)...);
}
template <class T>
Array<T> Context::array(std::initializer_list<T> elements) const {
  return Array<T>(elements);
}
template <class T, class... Args>
RawArray<T> Context::raw_array(Args&&... args) const {
  return RawArray<T>(std::forward<Args>(args)...);
}
template <class T>
RawArray<T> Context::raw_array(std::initializer_list<T> elements) const {
  return RawArray<T>(elements);
}

}  // namespace shoal
