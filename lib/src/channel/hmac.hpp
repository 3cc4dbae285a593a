// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

namespace shoal::channel {

/// An HMAC-SHA256, or a key of that size.
using Mac = std::array<std::byte, 32>;

/// Gives the HMAC-SHA256 of `bytes`, by OpenSSL; std::bad_alloc where that
/// has no memory.
Mac hmac(std::span<const std::byte> key, std::span<const std::byte> bytes);

/// The same of a few short parts, one behind the other, 256 bytes in all at most. `label` says what
/// it is for: one for one purpose is none for another.
Mac hmac(std::span<const std::byte> key, std::string_view label,
         std::initializer_list<std::span<const std::byte>> parts);

/// Compares in a time that does not tell where they differ.
bool is_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

/// Overwrites what must not be found later; never optimised away.
void wipe(std::span<std::byte> bytes) noexcept;

}  // namespace shoal::channel
