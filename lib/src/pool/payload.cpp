// SPDX-License-Identifier: Apache-2.0
#include "pool/payload.hpp"

#include <algorithm>

namespace shoal::pool {

Payload::Payload(std::span<const std::byte> bytes) {
  if (bytes.size() <= kInlineBytes) {
    keep(bytes);
  } else {
    bytes_.emplace<std::vector<std::byte>>(bytes.begin(), bytes.end());
  }
}

Payload::Payload(Writer&& written) {
  set_descriptors(written.descriptors());
  if (written.bytes().size() <= kInlineBytes) {
    keep(written.bytes());
  } else {
    bytes_ = std::make_unique<Writer>(std::move(written));
  }
}

void Payload::keep(std::span<const std::byte> bytes) noexcept {
  Inline& small = std::get<Inline>(bytes_);
  small.size = static_cast<std::uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), small.bytes.begin());
}

void Payload::set_descriptors(Descriptors descriptors) {
  if (descriptors.empty()) return;
  descriptors_ = std::make_unique<Descriptors>(std::move(descriptors));
}

// A pool's writers get no other blocks.
const ArenaBlock* Payload::block() const noexcept {
  const auto* written = std::get_if<std::unique_ptr<Writer>>(&bytes_);
  return written == nullptr ? nullptr : static_cast<const ArenaBlock*>((*written)->block());
}

std::span<const std::byte> Payload::bytes() const noexcept {
  if (const auto* small = std::get_if<Inline>(&bytes_)) {
    return std::span(small->bytes).first(small->size);
  }
  if (const auto* large = std::get_if<std::vector<std::byte>>(&bytes_)) return *large;
  if (const auto* written = std::get_if<std::unique_ptr<Writer>>(&bytes_)) {
    return (*written)->bytes();
  }
  if (const auto* lease = std::get_if<std::unique_ptr<ReplyLease>>(&bytes_)) {
    return (*lease)->bytes();
  }
  return std::get_if<memory::Mapping>(&bytes_)->bytes();
}

}  // namespace shoal::pool
