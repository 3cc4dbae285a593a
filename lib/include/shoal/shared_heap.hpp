// SPDX-License-Identifier: Apache-2.0
#pragma once

// Not part of <shoal/shoal.hpp>: it includes Boost.Interprocess.

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/version.hpp>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/duration.hpp"
#include "shoal/heap_handle.hpp"
#include "shoal/lock.hpp"

namespace shoal {

/// Memory in which processes make and find objects by name: maps, strings and lists by
/// Boost.Interprocess, whose containers and allocator work there, under a lock of shoal's.
///
///     using Numbers = boost::interprocess::vector<int, SharedHeap::Allocator<int>>;
///     SharedHeap heap(1 << 20);
///     heap.with([](SharedHeap::Segment& segment) {
///       Numbers& numbers =
///           *segment.find_or_construct<Numbers>("numbers")(segment.get_segment_manager());
///       numbers.push_back(1);
///     });
///
/// Who holds the lock has the whole heap. If its process is killed meanwhile, at any instruction,
/// nobody can say what is whole in there: the heap is lost. The next lock() throws OwnerDiedError,
/// and so does every later one, until somebody calls reset(), which makes the heap empty anew.
///
/// The memory is reserved as the heap is made. What is in it holds no pointers but
/// boost::interprocess::offset_ptr, and refers to nothing outside.
/// A handle: copies are the same heap, and it may be an argument, a result or a member of one; not
/// for peers that are not trusted: Boost believes what stands in its memory. In a copy of the
/// process made by a bare fork() its members throw ClosedError.
/// Cost: a Lock, and what Boost's best-fit tree takes.
/// Safe from many threads and processes. Source: boost::interprocess::managed_shared_memory.
class SharedHeap {
 public:
  /// What manages the memory, without locks of its own.
  using Segment = boost::interprocess::basic_managed_external_buffer<
      char,
      boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family,
                                           boost::interprocess::offset_ptr<void>>,
      boost::interprocess::iset_index>;
  /// For containers that live in the heap: made of segment.get_segment_manager().
  template <class T>
  using Allocator = boost::interprocess::allocator<T, Segment::segment_manager>;

  /// Makes an empty heap of that many bytes, of which Boost takes some 300 for itself.
  /// @throws std::invalid_argument  fewer than 4096
  /// @throws ResourceError  no memory or descriptors are left
  explicit SharedHeap(std::size_t bytes) : handle_(bytes, kLayout, format) {}

  /// Calls `fn` with the segment while it holds the lock, and gives what it returns, which must not
  /// refer to what is in the heap. If `fn` throws, what it did stays; so it must leave the objects
  /// in order.
  /// @throws OwnerDiedError  the heap is lost (see above), or the process that made it died
  /// @throws ResourceError   the heap is full: what boost::interprocess::bad_alloc says
  template <std::invocable<Segment&> F>
  decltype(auto) with(F&& fn) const {
    const std::lock_guard guard(*this);
    Segment opened = segment();
    try {
      return std::invoke(std::forward<F>(fn), opened);
    } catch (const boost::interprocess::bad_alloc&) {
      internal::HeapHandle::fail_full(opened.get_size(), opened.get_free_memory());
    }
  }

  /// Takes the heap's lock, for std::scoped_lock and the like. Errors as with().
  void lock() const { static_cast<void>(handle_.lock(forever, "SharedHeap::lock")); }
  bool try_lock() const { return try_lock_for(Duration::zero()); }
  bool try_lock_for(Duration timeout) const {
    return handle_.lock(timeout, "SharedHeap::try_lock_for");
  }
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> moment) const {
    return internal::wait_until(moment, [&](Duration left) { return try_lock_for(left); });
  }
  void unlock() const { handle_.unlock(); }

  /// Opens the heap for who holds its lock.
  Segment segment() const {
    const std::span<std::byte> memory = handle_.memory();
    return Segment(boost::interprocess::open_only, memory.data(), memory.size());
  }

  /// Makes a lost heap empty anew: whatever was in it is gone, and what points there dangles. False
  /// if it is not lost, which leaves it as it is.
  /// @throws OwnerDiedError  the process that made it died
  bool reset() const { return handle_.reset(format); }

  /// Gives the bytes that the heap was made of.
  std::size_t size() const { return handle_.memory().size(); }

 private:
  friend struct Codec<SharedHeap>;

  // Another Boost may lay out the memory in another way.
  static constexpr std::uint64_t kLayout =
      std::uint64_t{BOOST_VERSION} << 32 | sizeof(Segment::segment_manager);

  explicit SharedHeap(internal::HeapHandle handle) : handle_(std::move(handle)) {}
  static void format(std::span<std::byte> memory) {
    Segment(boost::interprocess::create_only, memory.data(), memory.size());
  }

  internal::HeapHandle handle_;
};

template <>
struct Codec<SharedHeap> {
  static void encode(Writer& writer, const SharedHeap& heap) { heap.handle_.encode(writer); }
  static SharedHeap decode(Reader& reader) {
    return SharedHeap(internal::HeapHandle::decode(reader, SharedHeap::kLayout));
  }
};

}  // namespace shoal
