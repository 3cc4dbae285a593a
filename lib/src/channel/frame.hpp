// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "channel/hmac.hpp"

// A message in a stream of bytes:
//
//   0        8        16
//   | type   | size   | bytes ... | HMAC, 32 bytes, if there is a key |
//
// The HMAC is one of the frame's number in its direction, from 0, and all that stands before it. So
// a frame that was changed, repeated, left out, or sent back to where it came from is none.

namespace shoal::channel {

struct FrameHeader {
  std::uint64_t type;
  std::uint64_t size;
};

/// Gives the frame of a message, `ahead` in front of it; `key` is empty for none.
std::vector<std::byte> make_frame(std::span<const std::byte> ahead, const FrameHeader& header,
                                  std::span<const std::byte> bytes, std::span<const std::byte> key,
                                  std::uint64_t number);

/// Puts one frame together from what arrives. Knows no socket. Its memory grows with what has come,
/// not with what a header claims.
class FrameReader {
 public:
  /// A frame longer than this is none.
  static constexpr std::uint64_t kLargest = std::uint64_t{1} << 48;
  /// How much it may ask for beyond what has come.
  static constexpr std::size_t kStep = std::size_t{64} << 10;

  /// `key` is empty for none, and outlives this.
  FrameReader(std::span<const std::byte> key, std::uint64_t number);

  /// Where the next bytes go, at most as many as are missing; none once the frame is whole, or
  /// cannot be one.
  std::span<std::byte> room();
  /// So many bytes have been put there.
  void filled(std::size_t size) noexcept { size_ += size; }

  /// True once some of the frame has come.
  bool has_begun() const noexcept { return size_ != kHeaderAt; }
  /// The header, once it has come.
  std::optional<FrameHeader> header() const noexcept;
  /// True for a header that no frame has.
  bool is_impossible() const noexcept;
  bool is_whole() const noexcept;
  /// True for a whole frame that is what the other side has sent, as its next.
  bool is_genuine() const;

  /// The message of a whole frame.
  std::span<const std::byte> message() const noexcept;
  /// What the message stands in.
  std::vector<std::byte> take() noexcept { return std::move(bytes_); }

 private:
  // The number stands in front, for the HMAC.
  static constexpr std::size_t kHeaderAt = sizeof(std::uint64_t);
  static constexpr std::size_t kMessageAt = kHeaderAt + sizeof(FrameHeader);

  std::size_t mac_bytes() const noexcept { return key_.empty() ? 0 : sizeof(Mac); }
  std::size_t end() const noexcept;

  const std::span<const std::byte> key_;
  std::vector<std::byte> bytes_;
  std::size_t size_ = kHeaderAt;  // of what has come, the number included
};

}  // namespace shoal::channel
