// SPDX-License-Identifier: Apache-2.0
#include "pool/reply_blocks.hpp"

#include <utility>

namespace shoal::pool {

ReplyBlocks::ReplyBlocks(const SharedSubmissions& submissions) : submissions_(submissions) {
  for (std::size_t number = kReplyBlocks; number-- > 0;) {
    free_.push_back(static_cast<std::uint16_t>(number));
  }
}

bool ReplyBlocks::has_room() {
  // acquire: pairs with the release in ReplyLeases::release.
  const std::uint64_t released = submissions_.released.load(std::memory_order_acquire);
  for (; released_ < released; ++released_) {
    const std::uint16_t word = submissions_.release_ring[released_ % kReplyBlocks];
    take_back(static_cast<std::uint16_t>(word & ~kSegmentMissing), (word & kSegmentMissing) != 0);
  }
  return !free_.empty();
}

std::uint16_t ReplyBlocks::keep(std::unique_ptr<internal::WriterBlock> block) {
  const std::uint16_t number = free_.back();
  free_.pop_back();
  kept_[number] = std::move(block);
  return number;
}

void ReplyBlocks::take_back(std::uint16_t number, bool is_segment_missing) {
  const memory::Block& block = static_cast<const ArenaBlock&>(*kept_[number]).block();
  if (is_segment_missing) sent_[block.slot()] = 0;
  kept_[number] = nullptr;
  free_.push_back(number);
}

bool ReplyBlocks::is_new(const memory::Block& block) {
  return std::exchange(sent_[block.slot()], block.segment_id()) != block.segment_id();
}

}  // namespace shoal::pool
