// SPDX-License-Identifier: Apache-2.0
#include "channel/hmac.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cassert>
#include <new>

namespace shoal::channel {
namespace {

const unsigned char* as_uchar(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Mac hmac(std::span<const std::byte> key, std::span<const std::byte> bytes) {
  Mac mac;
  unsigned size = 0;
  auto* const out = reinterpret_cast<unsigned char*>(mac.data());
  if (::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), as_uchar(bytes),
             bytes.size(), out, &size) == nullptr ||
      size != mac.size()) {
    throw std::bad_alloc();
  }
  return mac;
}

Mac hmac(std::span<const std::byte> key, std::string_view label,
         std::initializer_list<std::span<const std::byte>> parts) {
  std::array<std::byte, 256> buffer;
  const auto text = std::as_bytes(std::span(label));
  auto at = std::copy(text.begin(), text.end(), buffer.begin());
  for (const std::span<const std::byte> part : parts) {
    assert(part.size() <= static_cast<std::size_t>(buffer.end() - at));
    at = std::copy(part.begin(), part.end(), at);
  }
  return hmac(key, std::span<const std::byte>(buffer.begin(), at));
}

bool is_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::span<std::byte> bytes) noexcept { ::OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace shoal::channel
