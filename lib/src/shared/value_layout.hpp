// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "shared/sync_layouts.hpp"
#include "sync/eventcount.hpp"
#include "sync/hardware.hpp"

// The memory of a Value, an Array, one of their raw kin or an Atomic, behind the header that all
// shared objects have.
//
//   0x00  lock: of a Value and an Array; zeros in the others
//   0x40  changes: who waits for an Atomic to change sleeps there
//   0x80  ValueShape: written once, before anybody else has the object
//   0xc0  the elements, one after the other
//
// Invariants:
// 1. The elements lie within the memory. Who receives a handle copies the shape and checks that,
//    and that an element is as long as its type.
// 2. The file has all its memory from the beginning: no element is missing when it is touched.
// 3. The hub writes the lock and `changes`, and never an element: a dead owner's half value is for
//    who recovers.

namespace shoal::shared {

struct ValueShape {
  std::uint64_t count = 0;
  std::uint64_t element_bytes = 0;
};

struct ValuePage {
  LockMemory lock;
  alignas(64) sync::Eventcount<sync::Hardware> changes;
  alignas(64) ValueShape shape;
};
inline constexpr std::size_t kElementsAt = 0xc0;
static_assert(sizeof(ValuePage) == kElementsAt && offsetof(ValuePage, lock) == 0);
static_assert(offsetof(ValuePage, changes) == 0x40 && offsetof(ValuePage, shape) == 0x80);

/// Such memory, its numbers checked.
struct ValueMemory {
  /// None where the memory is not that of elements.
  static std::optional<ValueMemory> view(std::span<std::byte> memory) noexcept;

  ValuePage& page() const noexcept { return *reinterpret_cast<ValuePage*>(memory.data()); }
  std::byte* elements() const noexcept { return memory.data() + kElementsAt; }

  std::span<std::byte> memory;
  ValueShape shape;
};

}  // namespace shoal::shared
