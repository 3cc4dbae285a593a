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

Payload::Payload(Writer&& written) : descriptors_(written.descriptors()) {
  if (written.bytes().size() <= kInlineBytes) {
    keep(written.bytes());
  } else {
    bytes_ = std::make_unique<Writer>(std::move(written));
  }
}

void Payload::keep(std::span<const std::byte> bytes) noexcept {
  Inline& small = std::get<Inline>(bytes_);
  small.size = bytes.size();
  std::copy(bytes.begin(), bytes.end(), small.bytes.begin());
}

std::span<const std::byte> Payload::bytes() const noexcept {
  if (const auto* small = std::get_if<Inline>(&bytes_)) {
    return std::span(small->bytes).first(small->size);
  }
  if (const auto* large = std::get_if<std::vector<std::byte>>(&bytes_)) return *large;
  if (const auto* written = std::get_if<std::unique_ptr<Writer>>(&bytes_)) {
    return (*written)->bytes();
  }
  return std::get_if<memory::Mapping>(&bytes_)->bytes();
}

}  // namespace shoal::pool
