// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

namespace shoal::memory {

/// Hands out pieces of a fixed area that are given back in the order they were taken, or, at the
/// other end, in the opposite order. It keeps offsets only, in private memory: the area itself may
/// be shared, and nothing about it is ever read back.
class RingAllocator {
 public:
  explicit RingAllocator(std::size_t size_bytes) : size_(size_bytes) {}

  /// The offset of `bytes` free bytes in one piece, aligned to 16; none where there is no room.
  std::optional<std::size_t> allocate(std::size_t bytes);
  /// Gives back the oldest piece.
  void free_front() noexcept { pieces_.pop_front(); }
  /// Gives back the youngest piece.
  void free_back() noexcept { pieces_.pop_back(); }
  /// Gives back the youngest piece but for its first `bytes`.
  void shrink_back(std::size_t bytes) noexcept;
  std::size_t count() const noexcept { return pieces_.size(); }

 private:
  struct Piece {
    std::size_t begin;
    std::size_t end;
  };
  bool has_room(std::size_t begin, std::size_t end) const noexcept;

  std::size_t size_;
  std::deque<Piece> pieces_;
};

}  // namespace shoal::memory
