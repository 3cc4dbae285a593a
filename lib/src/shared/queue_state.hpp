// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "channel/chunks.hpp"
#include "shared/object.hpp"
#include "shared/queue_layout.hpp"
#include "shoal/queue_handle.hpp"

namespace shoal::internal {

/// A queue as one process uses it.
struct QueueHandle::State : shared::Object {
  using Chunks = channel::Chunks<shared::Hardware>;

  /// @throws CodecError  the memory is not that of a queue
  explicit State(Parts parts);

  static shared::QueueMemory checked(std::span<std::byte> memory);

  bool counts_done() const noexcept { return queue.size.has_tallies != 0; }

  /// One attempt to put what is stored in `first`, or is to be.
  channel::Passage try_put(const Writer& message, std::uint64_t token, std::uint32_t& first,
                           sync::ParticipantId self) noexcept;
  /// If there is a message now, has the processor bring near what it will be got from, all of it at
  /// once. For one who has waited: where messages stand in line, it only gets in the way.
  void expect_get() const noexcept;
  /// Tells one who waits for a message, and those who wait for several things.
  void announce() noexcept;
  /// Copies what was got and frees its chunks; false: it was damaged.
  bool take(std::uint32_t first, sync::ParticipantId self, QueueMessage& message);
  void count_and_release(std::uint32_t first, sync::ParticipantId self) noexcept;
  /// Waits until `try_put`, which stores the message in `first`, has come to a decision.
  shared::Awaited await_room(base::Deadline deadline, const std::uint32_t& first,
                             const std::function<bool()>& try_put);
  void close() noexcept;
  /// Looks now and then whether the maker of the queue still lives, so that who only puts notices.
  bool is_orphan_noticed() noexcept {
    const std::uint32_t count = puts.load(std::memory_order_relaxed) + 1;  // about: it is no tally
    puts.store(count, std::memory_order_relaxed);
    return count % 1024 == 0 && !is_hub_alive();
  }
  /// Entering oneself among those whose tallies count.
  void note_participant(sync::ParticipantId self) noexcept;

  /// Leaves descriptors with the hub; gives the token that names them.
  std::uint64_t leave(const Writer& message);
  std::vector<std::shared_ptr<const UniqueFd>> claim(std::uint64_t token);

  shared::QueueMemory queue;
  const shared::QueueRing::Words words;
  shared::QueueRing ring;
  Chunks chunks;
  Chunks::Search search;
  std::atomic<std::uint64_t> known_head{0};
  std::atomic<std::uint32_t> puts{0};
  std::mutex counting;  // one message at a time is counted and freed: see queue_layout.hpp
};

}  // namespace shoal::internal
