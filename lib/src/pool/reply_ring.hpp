// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "memory/ring_allocator.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// The worker's account of the reply ring in W: which completion each piece belongs to.
class ReplyRing {
 public:
  explicit ReplyRing(std::span<std::byte> bytes) noexcept
      : bytes_(bytes), allocator_(bytes.size()) {}

  /// The offset of a piece for completion `index`, of which the parent has collected `reclaimed`;
  /// none if there is no room.
  std::optional<std::size_t> allocate(std::size_t size, std::uint64_t index,
                                      std::uint64_t reclaimed) {
    for (; !owners_.empty() && owners_.front() < reclaimed; owners_.pop_front()) {
      allocator_.free_front();
    }
    const std::optional<std::size_t> offset = allocator_.allocate(size);
    if (offset) owners_.push_back(index);
    return offset;
  }
  /// Gives back the youngest piece, or all of it but its first `size` bytes.
  void free_youngest() {
    allocator_.free_back();
    owners_.pop_back();
  }
  void shrink_youngest(std::size_t size) noexcept { allocator_.shrink_back(size); }

  std::byte* at(std::size_t offset) const noexcept { return bytes_.data() + offset; }

  /// The youngest piece, as a Writer's memory; the ring goes on owning it.
  std::unique_ptr<internal::WriterBlock> block(std::size_t offset, std::size_t size) const {
    return std::make_unique<Piece>(bytes_.subspan(offset, size));
  }

 private:
  class Piece final : public internal::WriterBlock {
   public:
    explicit Piece(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}
    std::span<std::byte> bytes() const noexcept override { return bytes_; }

   private:
    std::span<std::byte> bytes_;
  };

  std::span<std::byte> bytes_;
  memory::RingAllocator allocator_;
  std::deque<std::uint64_t> owners_;
};

}  // namespace shoal::pool
