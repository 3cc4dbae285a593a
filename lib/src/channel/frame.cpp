// SPDX-License-Identifier: Apache-2.0
#include "channel/frame.hpp"

#include <algorithm>
#include <cstring>

namespace shoal::channel {
namespace {

void append(std::vector<std::byte>& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

std::vector<std::byte> make_frame(std::span<const std::byte> ahead, const FrameHeader& header,
                                  std::span<const std::byte> bytes, std::span<const std::byte> key,
                                  std::uint64_t number) {
  std::vector<std::byte> frame;
  frame.reserve(ahead.size() + sizeof number + sizeof header + bytes.size() + sizeof(Mac));
  append(frame, bytes_of(number));
  append(frame, bytes_of(header));
  append(frame, bytes);
  if (!key.empty()) append(frame, hmac(key, frame));
  // The number is known to who receives it.
  frame.erase(frame.begin(), frame.begin() + sizeof number);
  frame.insert(frame.begin(), ahead.begin(), ahead.end());
  return frame;
}

FrameReader::FrameReader(std::span<const std::byte> key, std::uint64_t number)
    : key_(key), bytes_(kMessageAt) {
  std::memcpy(bytes_.data(), &number, sizeof number);
}

std::span<std::byte> FrameReader::room() {
  if (is_impossible() || is_whole()) return {};
  const std::size_t missing = end() - size_;
  if (size_ == bytes_.size()) bytes_.resize(size_ + std::min(missing, std::max(size_, kStep)));
  return std::span(bytes_).subspan(size_, std::min(missing, bytes_.size() - size_));
}

std::optional<FrameHeader> FrameReader::header() const noexcept {
  if (size_ < kMessageAt) return {};
  FrameHeader header;
  std::memcpy(&header, bytes_.data() + kHeaderAt, sizeof header);
  return header;
}

bool FrameReader::is_impossible() const noexcept {
  const std::optional<FrameHeader> known = header();
  return known && known->size > kLargest;
}

bool FrameReader::is_whole() const noexcept {
  return header() && !is_impossible() && size_ == end();
}

bool FrameReader::is_genuine() const {
  if (!is_whole()) return false;
  if (key_.empty()) return true;
  const std::span<const std::byte> all = std::span(bytes_).first(size_);
  const std::size_t covered = size_ - sizeof(Mac);
  return is_equal(all.subspan(covered), hmac(key_, all.first(covered)));
}

std::span<const std::byte> FrameReader::message() const noexcept {
  return std::span(bytes_).subspan(kMessageAt, size_ - kMessageAt - mac_bytes());
}

// Where the frame ends, as far as is known.
std::size_t FrameReader::end() const noexcept {
  const std::optional<FrameHeader> known = header();
  if (!known) return kMessageAt;
  return kMessageAt + static_cast<std::size_t>(known->size) + mac_bytes();
}

}  // namespace shoal::channel
