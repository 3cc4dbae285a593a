// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::process {

/// What every boot message begins with; the rest: boot.hpp.
struct Envelope {
  static constexpr std::uint32_t kMagic = 0x4c414853;  // "SHAL"
  static constexpr std::uint32_t kVersion = 1;

  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint64_t head_bytes = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t descriptors = 0;  ///< all that ride along: the kernel drops what finds no room
  std::uint32_t has_overflow = 0;
};

}  // namespace shoal::process
