// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "pool/arena_memory.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::pool {

/// A worker's large results. Each stays in its block, under a number, until the parent's last
/// holder of the result has put the number on the release ring. Without a free number or block a
/// result goes another way: a worker never waits for room.
class ReplyBlocks {
 public:
  explicit ReplyBlocks(const SharedSubmissions& submissions);

  /// Where results are written.
  internal::WriterMemory& memory() noexcept { return memory_; }

  /// True if a result can be kept; takes back what the parent has released.
  bool has_room();
  /// Keeps `block` until it is released; gives its number. There must be room.
  std::uint16_t keep(std::unique_ptr<internal::WriterBlock> block);

  /// Gives up a block that was kept; where the parent did not get its segment, that is new again.
  void take_back(std::uint16_t number, bool is_segment_missing);

  /// True once for each segment: its file has to be sent.
  bool is_new(const memory::Block& block);

 private:
  const SharedSubmissions& submissions_;
  ArenaMemory memory_{"shoal-results"};
  std::array<std::unique_ptr<internal::WriterBlock>, kReplyBlocks> kept_;
  std::vector<std::uint16_t> free_;  // numbers
  std::uint64_t released_ = 0;       // numbers taken from the ring
  std::array<std::uint64_t, kSegmentSlots> sent_{};  // ids of the segments the parent has
};

}  // namespace shoal::pool
