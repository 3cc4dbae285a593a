// SPDX-License-Identifier: Apache-2.0
#include "memory/arena.hpp"

#include <algorithm>
#include <utility>

#include "os/memfd.hpp"

namespace shoal::memory {
namespace {
constexpr std::size_t kAlignment = 64;
}

// --- a block ------------------------------------------------------------------------------------

Block& Block::operator=(Block&& other) noexcept {
  Block old(std::move(*this));
  arena_ = std::move(other.arena_);
  bytes_ = other.bytes_;
  slot_ = other.slot_;
  segment_id_ = other.segment_id_;
  offset_ = other.offset_;
  return *this;
}

Block::~Block() {
  if (arena_ != nullptr) arena_->give_back(slot_);
}

// A segment with a block in use stays where it is.
int Block::file() const noexcept { return arena_->segments_[slot_].file.get(); }
std::size_t Block::segment_bytes() const noexcept {
  return arena_->segments_[slot_].mapping.size();
}

// --- the arena ----------------------------------------------------------------------------------

std::optional<Block> Arena::allocate(std::size_t bytes) noexcept {
  const std::size_t length = (std::max(bytes, std::size_t{1}) + kAlignment - 1) & ~(kAlignment - 1);
  const bool is_alone = length > kLargestShared;
  const std::lock_guard guard(mutex_);
  unsigned slot = find(length, is_alone);
  if (slot == kSlots) slot = add((length + kSegmentBytes - 1) / kSegmentBytes * kSegmentBytes);
  if (slot == kSlots) return std::nullopt;
  Segment& segment = segments_[slot];
  if (segment.blocks++ == 0) idle_bytes_ -= segment.mapping.size();
  Block block;
  block.arena_ = shared_from_this();
  block.slot_ = slot;
  block.segment_id_ = segment_id(slot);
  block.offset_ = segment.used;
  block.bytes_ = segment.mapping.bytes().subspan(
      segment.used, is_alone ? segment.mapping.size() : length);
  segment.used = is_alone ? segment.mapping.size() : segment.used + length;
  return block;
}

// The segment with room for `length` bytes, the smallest there is: large ones stay for large
// blocks. A block that is to be alone gets an idle one.
unsigned Arena::find(std::size_t length, bool is_alone) const noexcept {
  unsigned best = kSlots;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const Segment& segment = segments_[slot];
    if (segment.mapping.size() - segment.used < length) continue;
    if (is_alone && segment.blocks > 0) continue;
    if (best == kSlots || segment.mapping.size() < segments_[best].mapping.size()) best = slot;
  }
  return best;
}

// A new segment, in a slot that is empty or can be emptied; kSlots if there is none to be had.
unsigned Arena::add(std::size_t bytes) noexcept {
  unsigned slot = 0;
  while (slot < kSlots && segments_[slot].mapping.size() > 0) ++slot;
  for (unsigned idle = 0; slot == kSlots && idle < kSlots; ++idle) {
    if (segments_[idle].blocks == 0) let_go(slot = idle);
  }
  if (slot == kSlots) return kSlots;
  os::Result<os::Fd> file = os::create_shared_file(name_, bytes);
  if (!file) return kSlots;
  os::Result<Mapping> mapping = Mapping::map(file->get(), bytes, Access::read_write);
  if (!mapping || !os::seal(file->get(), os::Writers::those_who_mapped)) return kSlots;
  segments_[slot].file = std::move(*file);
  segments_[slot].mapping = std::move(*mapping);
  ids_[slot].store(next_id_++, std::memory_order_release);
  idle_bytes_ += bytes;
  return slot;
}

void Arena::give_back(unsigned slot) noexcept {
  if (generation_ != os::fork_generation()) return;
  const std::lock_guard guard(mutex_);
  Segment& segment = segments_[slot];
  if (--segment.blocks > 0) return;
  segment.used = 0;
  idle_bytes_ += segment.mapping.size();
  if (idle_bytes_ > kMostIdleBytes) let_go(slot);
}

void Arena::let_go(unsigned slot) noexcept {
  idle_bytes_ -= segments_[slot].mapping.size();
  segments_[slot] = {};
  ids_[slot].store(0, std::memory_order_release);
  version_.fetch_add(1, std::memory_order_release);
}

}  // namespace shoal::memory
