// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::pool::simulation {

/// Everything that happens by chance comes from here, so that a seed is a history, on every machine
/// (splitmix64; the distributions of the standard library differ between libraries).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// From 0 to `bound` - 1.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }
  /// From `least` to `most`.
  std::uint32_t between(std::uint32_t least, std::uint32_t most) noexcept {
    return least + below(most - least + 1);
  }
  /// True `times` out of ten thousand.
  bool chance(std::uint32_t times) noexcept { return below(10'000) < times; }

 private:
  std::uint64_t state_;
};

}  // namespace shoal::pool::simulation
