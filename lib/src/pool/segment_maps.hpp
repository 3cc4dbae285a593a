// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "memory/mapping.hpp"
#include "pool/parcel.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::pool {

/// A worker's maps of the segments in which its parent puts large arguments. Each is mapped once,
/// when its file comes, and read again and again.
class SegmentMaps {
 public:
  explicit SegmentMaps(const SharedSubmissions& submissions) noexcept
      : submissions_(submissions) {}

  /// Maps the segment that a parcel of kSegmentTicket has brought.
  os::Result<void> add(const Parcel& parcel);

  /// True if the segment that is in `slot` now is mapped.
  bool has(unsigned slot) const noexcept {
    const std::uint64_t id = maps_[slot].id;
    return id != 0 && id == submissions_.segments[slot].load(std::memory_order_relaxed);
  }
  std::span<const std::byte> bytes(unsigned slot) const noexcept {
    return maps_[slot].mapping.bytes();
  }

  /// Unmaps what the parent has let go.
  void drop_stale();

 private:
  struct Map {
    std::uint64_t id = 0;
    memory::Mapping mapping;
  };

  const SharedSubmissions& submissions_;
  std::array<Map, kSegmentSlots> maps_;
};

}  // namespace shoal::pool
