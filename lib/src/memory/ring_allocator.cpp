// SPDX-License-Identifier: Apache-2.0
#include "memory/ring_allocator.hpp"

#include <algorithm>

namespace shoal::memory {
namespace {

constexpr std::size_t kAlignment = 16;

std::size_t aligned(std::size_t bytes) noexcept {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}

// Pieces lie in the ring in the order they were taken, so that the free space is what lies between
// the end of the youngest and the begin of the oldest.
bool RingAllocator::has_room(std::size_t begin, std::size_t end) const noexcept {
  if (end > size_) return false;
  if (pieces_.empty()) return true;
  const std::size_t oldest = pieces_.front().begin;
  const std::size_t youngest = pieces_.back().begin;
  const bool is_wrapped = youngest < oldest;
  if (begin >= pieces_.back().end && !is_wrapped) return true;
  return end <= oldest && (begin >= pieces_.back().end || (begin == 0 && !is_wrapped));
}

std::optional<std::size_t> RingAllocator::allocate(std::size_t bytes) {
  const std::size_t length = aligned(bytes);
  if (bytes == 0 || length > size_) return std::nullopt;
  const std::size_t next = pieces_.empty() ? 0 : pieces_.back().end;
  for (const std::size_t begin : {next, std::size_t{0}}) {
    if (!has_room(begin, begin + length)) continue;
    pieces_.push_back({begin, begin + length});
    return begin;
  }
  return std::nullopt;
}

void RingAllocator::shrink_back(std::size_t bytes) noexcept {
  Piece& youngest = pieces_.back();
  youngest.end = std::min(youngest.end, youngest.begin + aligned(std::max(bytes, std::size_t{1})));
}

}  // namespace shoal::memory
