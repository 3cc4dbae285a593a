// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <span>
#include <utility>

namespace shoal::fuzz {

/// What a fuzzer's bytes decide, one decision after the other; zeros once they are used up.
class Dice {
 public:
  Dice(const std::uint8_t* data, std::size_t size) : bytes_(std::as_bytes(std::span(data, size))) {}

  bool is_empty() const noexcept { return bytes_.empty(); }

  template <class T>
  T take() noexcept {
    T value{};
    const std::span<const std::byte> bytes = take_bytes(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  /// One of 0 … count - 1.
  std::size_t pick(std::size_t count) noexcept { return take<std::uint8_t>() % count; }

  /// The next `size` bytes, or what there is of them.
  std::span<const std::byte> take_bytes(std::size_t size) noexcept {
    const std::span<const std::byte> taken = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::span<const std::byte> rest() noexcept { return take_bytes(bytes_.size()); }

 private:
  std::span<const std::byte> bytes_;
};

/// Ends the fuzzer, which keeps the input, unless `is_so`.
inline void require(bool is_so, const char* what) {
  if (is_so) return;
  std::cerr << "not so: " << what << '\n';
  std::abort();
}

/// What a system call gave; a fuzzer that is short of descriptors has nothing to say of its
/// subject.
template <class Result>
auto value_of(Result result) {
  require(static_cast<bool>(result), "this process has the memory and descriptors it needs");
  return std::move(*result);
}

}  // namespace shoal::fuzz
