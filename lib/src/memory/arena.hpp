// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "memory/mapping.hpp"
#include "os/fd.hpp"
#include "os/fork_generation.hpp"

namespace shoal::memory {

class Arena;

/// A piece of one of an arena's segments, given back with the object. Outlives nothing it needs:
/// it keeps the arena alive.
class Block {
 public:
  Block(Block&& other) noexcept = default;
  Block& operator=(Block&& other) noexcept;
  ~Block();

  std::span<std::byte> bytes() const noexcept { return bytes_; }
  /// Where it lies: the segment's slot, the segment's id (never used twice in an arena), the
  /// offset within it.
  unsigned slot() const noexcept { return slot_; }
  std::uint64_t segment_id() const noexcept { return segment_id_; }
  std::size_t offset() const noexcept { return offset_; }
  /// The segment's file and its size, to be handed to those who are to read it.
  int file() const noexcept;
  std::size_t segment_bytes() const noexcept;

 private:
  friend class Arena;
  Block() = default;

  std::shared_ptr<Arena> arena_;
  std::span<std::byte> bytes_;
  unsigned slot_ = 0;
  std::uint64_t segment_id_ = 0;
  std::size_t offset_ = 0;
};

/// Shared memory that one process writes and others read, in files that are used again and again:
/// a fresh page costs ten times the copy that fills it. Small blocks share a segment, which is
/// used anew once all of them were given back; large ones have one each. Safe from many threads.
///
/// Whoever maps a segment is to unmap it when the id in its slot changes: version() says that some
/// id has.
class Arena : public std::enable_shared_from_this<Arena> {
 public:
  static constexpr unsigned kSlots = 64;
  static constexpr std::size_t kSegmentBytes = std::size_t{4} << 20;
  static constexpr std::size_t kLargestShared = std::size_t{1} << 20;  ///< blocks beyond: alone
  static constexpr std::size_t kMostIdleBytes = std::size_t{256} << 20;

  /// `name` shows in /proc only.
  static std::shared_ptr<Arena> create(const char* name) {
    return std::shared_ptr<Arena>(new Arena(name));
  }

  /// A block of `bytes` at least; none if memory, descriptors or slots have run out.
  std::optional<Block> allocate(std::size_t bytes) noexcept;

  /// The id of the segment in `slot`; 0: none.
  std::uint64_t segment_id(unsigned slot) const noexcept {
    return ids_[slot].load(std::memory_order_acquire);
  }
  /// Counts the segments that were let go.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

 private:
  friend class Block;

  struct Segment {
    os::Fd file;
    Mapping mapping;
    std::size_t used = 0;    // bytes handed out, from the front
    std::size_t blocks = 0;  // of them in use
  };

  explicit Arena(const char* name) : name_(name) {}
  unsigned find(std::size_t bytes, bool is_alone) const noexcept;
  unsigned add(std::size_t bytes) noexcept;
  void give_back(unsigned slot) noexcept;
  void let_go(unsigned slot) noexcept;

  const char* name_;
  const std::uint32_t generation_ = os::fork_generation();  // a forked copy gives nothing back
  mutable std::mutex mutex_;
  std::array<Segment, kSlots> segments_;  // guarded by mutex_
  std::size_t idle_bytes_ = 0;            // guarded by mutex_
  std::uint64_t next_id_ = 1;             // guarded by mutex_
  std::array<std::atomic<std::uint64_t>, kSlots> ids_{};
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace shoal::memory
