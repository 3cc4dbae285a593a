// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/shareable.hpp"
#include "shoal/type_hash.hpp"

namespace shoal {

namespace shared {
struct ArrayState;
}

namespace internal {

/// The bytes of a shared array, whatever its elements are.
class ArrayHandle {
 public:
  ArrayHandle(std::size_t count, std::size_t element_bytes, std::uint64_t type);
  ArrayHandle(const ArrayHandle&) = default;
  ArrayHandle& operator=(const ArrayHandle&) = default;

  std::span<std::byte> bytes() const {
    // relaxed: a fork has happened before all that its child does.
    if (generation_word_->load(std::memory_order_relaxed) != generation_) fail_in_copy();
    return bytes_;
  }
  void encode(Writer& writer) const;
  static ArrayHandle decode(Reader& reader, std::size_t element_bytes, std::uint64_t type);
  /// Throws the std::out_of_range of SharedArray::at().
  [[noreturn]] static void fail_index(std::size_t index, std::size_t size);

 private:
  explicit ArrayHandle(std::shared_ptr<const shared::ArrayState> state) noexcept;
  [[noreturn]] static void fail_in_copy();

  std::shared_ptr<const shared::ArrayState> state_;
  std::span<std::byte> bytes_;
  const std::atomic<std::uint32_t>* generation_word_;
  std::uint32_t generation_;
};

}  // namespace internal

/// A large array of a fixed size, in memory that processes share: passing it on passes a handle,
/// and nothing is copied.
///
/// T is trivially copyable and holds no pointer. Nothing is locked: who writes what others read
/// needs a Lock, a Barrier or a task's result between the two. What a process writes that is killed
/// stays as far as it came. The size is sealed: nobody can take memory away beneath the others; a
/// process that has a handle, and means ill, can write or zero whatever it likes there.
///
/// The memory is reserved as the array is made, and freed with its last holder, also one that is
/// killed: a holder is a process with a handle, a task or a message that carries one. A pool's
/// worker keeps what it was passed mapped for the next task, so that passing costs no more than an
/// empty task; it lets go when the last handle in its parent has gone, or after the task that it
/// runs at that moment.
///
/// A handle: copies are the same array, and it may be an argument, a result or a member of one. In
/// a copy of the process made by a bare fork() its members throw ClosedError.
/// Cost: some 0.5 ms a MiB to make; 0.3 us to pass to a worker that has it, 20 us to one that has
/// not. `span()` costs a check, and its elements none.
/// Safe from many threads and processes, as far as std::span is. Source: multiprocessing.Array of
/// Python, without its lock and its copies.
template <class T>
class SharedArray {
  static_assert(internal::require_shareable<T>());

 public:
  using value_type = T;
  using size_type = std::size_t;
  using iterator = T*;

  /// Makes an array without elements.
  SharedArray() : SharedArray(0) {}
  /// Makes an array of `size` elements, all of whose bytes are zero.
  /// @throws ResourceError  no memory or descriptors are left
  explicit SharedArray(std::size_t size) : handle_(size, sizeof(T), type_hash<T>()) {}
  /// Makes an array of `size` times `value`.
  SharedArray(std::size_t size, const T& value) : SharedArray(size) {
    std::ranges::fill(span(), value);
  }
  /// Makes an array of these elements.
  SharedArray(std::initializer_list<T> elements)
      : SharedArray(std::span<const T>(elements.begin(), elements.size())) {}
  /// Makes an array of the elements of a range that knows its size: a vector, a span.
  template <std::ranges::sized_range Range>
  requires(!std::same_as<std::remove_cvref_t<Range>, SharedArray> &&
           std::convertible_to<std::ranges::range_reference_t<Range>,
                               T>) explicit SharedArray(Range&& elements)
      : SharedArray(static_cast<std::size_t>(std::ranges::size(elements))) {
    std::ranges::copy(elements, begin());
  }

  /// Gives the elements; valid as long as a handle of the array is.
  std::span<T> span() const {
    const std::span<std::byte> bytes = handle_.bytes();
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  std::size_t size() const { return span().size(); }
  bool empty() const { return span().empty(); }
  T* data() const { return span().data(); }
  T* begin() const { return data(); }
  T* end() const { return data() + size(); }
  T& operator[](std::size_t index) const { return data()[index]; }
  /// Gives an element.
  /// @throws std::out_of_range  there is no such element
  T& at(std::size_t index) const {
    if (index >= size()) internal::ArrayHandle::fail_index(index, size());
    return data()[index];
  }

 private:
  friend struct Codec<SharedArray>;
  explicit SharedArray(internal::ArrayHandle handle) : handle_(std::move(handle)) {}

  internal::ArrayHandle handle_;
};

template <std::ranges::sized_range Range>
SharedArray(Range&&) -> SharedArray<std::ranges::range_value_t<Range>>;

template <class T>
struct Codec<SharedArray<T>> {
  static void encode(Writer& writer, const SharedArray<T>& array) { array.handle_.encode(writer); }
  static SharedArray<T> decode(Reader& reader) {
    return SharedArray<T>(internal::ArrayHandle::decode(reader, sizeof(T), type_hash<T>()));
  }
};

template <class T>
SharedArray<T> Context::shared_array(std::size_t size) const {
  return SharedArray<T>(size);
}

}  // namespace shoal
