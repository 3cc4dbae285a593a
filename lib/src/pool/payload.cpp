// SPDX-License-Identifier: Apache-2.0
#include "pool/payload.hpp"

#include <algorithm>

namespace shoal::pool {

Payload::Payload(std::span<const std::byte> bytes, Descriptors descriptors)
    : descriptors_(std::move(descriptors)) {
  if (bytes.size() > kInlineBytes) {
    bytes_.emplace<std::vector<std::byte>>(bytes.begin(), bytes.end());
    return;
  }
  Inline& small = std::get<Inline>(bytes_);
  small.size = bytes.size();
  std::copy(bytes.begin(), bytes.end(), small.bytes.begin());
}

std::span<const std::byte> Payload::bytes() const noexcept {
  if (const auto* small = std::get_if<Inline>(&bytes_)) {
    return std::span(small->bytes).first(small->size);
  }
  if (const auto* large = std::get_if<std::vector<std::byte>>(&bytes_)) return *large;
  return std::get_if<memory::Mapping>(&bytes_)->bytes();
}

}  // namespace shoal::pool
