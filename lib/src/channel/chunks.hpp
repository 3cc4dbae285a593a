// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "channel/ring.hpp"

namespace shoal::channel {

/// What stands at the beginning of each chunk. Written by the chunk's owner before its message is
/// put; who reads it copies and checks.
struct ChunkHead {
  std::uint32_t next;   ///< the chunk where the message goes on
  std::uint32_t size;   ///< of the whole message; in its first chunk
  std::uint64_t token;  ///< names its descriptors, which are with the hub; 0: none. Likewise
};

/// Where messages lie: cuts them into chunks of a ring, and puts them together again.
/// Safe from many threads and processes; `Search` belongs to the threads of one process.
template <class Platform>
class Chunks {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// Where a process looks for free chunks next: it goes round in a window that grows only when all
  /// of it is in use, so that what is used is used again while it is warm.
  struct Search {
    std::atomic<std::uint32_t> next{0};
    std::atomic<std::uint32_t> window{64};
  };

  Chunks(Ring<Platform>& ring, std::span<std::byte> memory, std::uint32_t count) noexcept
      : ring_(ring), memory_(memory), count_(count), stride_(memory.size() / count) {}

  std::size_t payload() const noexcept { return stride_ - sizeof(ChunkHead); }
  /// The longest message there can be.
  std::size_t most() const noexcept {
    return std::min<std::size_t>(payload() * count_, ~std::uint32_t{0});
  }

  /// Where a chunk lies, to be fetched ahead.
  const std::byte* address(std::uint32_t chunk) const noexcept { return head_of(chunk); }

  /// Writes a message into chunks that are the caller's then, and gives the first; kNone, having
  /// kept none, where there are not enough.
  std::uint32_t store(std::span<const std::byte> message, std::uint64_t token,
                      sync::ParticipantId self, Search& search) noexcept {
    const std::uint32_t first = claim(self, search);
    if (first == kNone) return kNone;
    ChunkHead head{kNone, static_cast<std::uint32_t>(message.size()), token};
    std::uint32_t at = first;
    for (;;) {
      const std::size_t part = std::min(message.size(), payload());
      if (part != 0) Platform::write(bytes_of(at), message.data(), part);
      message = message.subspan(part);
      if (!message.empty()) {
        head.next = claim(self, search);
        if (head.next != kNone) ring_.link(head.next, first);
      }
      Platform::write(head_of(at), &head, sizeof head);
      if (message.empty()) return first;
      if (head.next == kNone) break;
      at = head.next;
      head = {kNone, 0, 0};
    }
    release(first, self);
    return kNone;
  }

  /// The head of the caller's message that begins in `first`; its size is kNone where it cannot be
  /// true.
  ChunkHead head(std::uint32_t first) const noexcept {
    ChunkHead copy;
    Platform::read(&copy, head_of(first), sizeof copy);
    if (copy.size > most()) copy.size = kNone;
    return copy;
  }

  /// Copies the caller's message; false where its chunks do not hang together.
  bool load(std::uint32_t first, const ChunkHead& head, std::span<std::byte> into) const noexcept {
    std::uint32_t at = first;
    std::uint32_t next = head.next;
    for (;;) {
      const std::size_t part = std::min(into.size(), payload());
      if (part != 0) Platform::read(into.data(), bytes_of(at), part);
      into = into.subspan(part);
      if (into.empty()) return true;
      if (next >= count_) return false;
      at = next;
      next = this->head(at).next;
    }
  }

  /// Frees the caller's message: what it goes on in first, and its first chunk last.
  void release(std::uint32_t first, sync::ParticipantId self) noexcept {
    std::uint32_t at = head(first).next;
    for (std::uint32_t i = 0; i < count_ && at < count_; ++i) {
      const std::uint32_t next = head(at).next;
      ring_.unlink(at, first);
      at = next;
    }
    ring_.give_back(first, self);
  }

 private:
  std::byte* head_of(std::uint32_t chunk) const noexcept {
    return memory_.data() + chunk * stride_;
  }
  std::byte* bytes_of(std::uint32_t chunk) const noexcept {
    return head_of(chunk) + sizeof(ChunkHead);
  }

  std::uint32_t claim(sync::ParticipantId self, Search& search) noexcept {
    for (;;) {
      const std::uint32_t window = std::min(search.window.load(std::memory_order_relaxed), count_);
      std::uint32_t at = search.next.load(std::memory_order_relaxed) % window;
      for (std::uint32_t tried = 0; tried < window; ++tried) {
        if (ring_.claim(at, self)) {
          search.next.store(at + 1, std::memory_order_relaxed);
          return at;
        }
        at = at + 1 == window ? 0 : at + 1;
      }
      if (window == count_) return kNone;
      search.window.store(window * 2, std::memory_order_relaxed);
    }
  }

  Ring<Platform>& ring_;
  const std::span<std::byte> memory_;
  const std::uint32_t count_;
  const std::size_t stride_;
};

}  // namespace shoal::channel
