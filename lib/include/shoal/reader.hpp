// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

namespace shoal {

namespace internal {

/// How many elements that may be written as nothing the containers of one message may hold, beyond
/// one for each of its bytes.
inline constexpr std::size_t kMaxEmptyElements = std::size_t{1} << 20;

}  // namespace internal

/// Takes values out of a message, in the order they were written. A view: bytes and descriptors
/// belong to somebody else and must outlive it.
///
/// Nothing in the bytes is believed: a length beyond what is left, an impossible flag or index,
/// nesting deeper than 64 throw CodecError before anything of that size is allocated. Used by one
/// thread at a time, over bytes that nobody changes meanwhile.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes,
                  std::span<const std::shared_ptr<const UniqueFd>> descriptors = {}) noexcept
      : at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        descriptors_(descriptors),
        empty_elements_left_(bytes.size() + internal::kMaxEmptyElements) {}

  /// Reads a value by its codec (include <shoal/codec.hpp>).
  /// @throws CodecError  the bytes are no such value
  template <class T>
  T get() {
    if constexpr (internal::is_plain_number<T>) {
      T value;
      read(&value, sizeof value);
      return value;
    } else if constexpr (internal::HasOwnCodec<T>) {
      const internal::Nesting nesting(*this);
      return Codec<T>::decode(*this);
    } else {
      return Codec<T>::decode(*this);
    }
  }

  /// Copies the next `size` bytes.
  /// @throws CodecError  fewer are left
  void read(void* into, std::size_t size) {
    const std::span<const std::byte> bytes = take(size);
    if (size != 0) std::memcpy(into, bytes.data(), size);
  }

  /// Gives the next `size` bytes where they stand, unaligned.
  /// @throws CodecError  fewer are left
  std::span<const std::byte> take(std::size_t size) {
    if (size > remaining()) fail_short(size);
    const std::byte* const first = at_;
    at_ += size;
    return {first, size};
  }

  /// Leaves out the next `size` bytes, or what there is of them.
  void skip(std::size_t size) noexcept { at_ += size < remaining() ? size : remaining(); }

  /// Reads the number of elements that follow, each of `min_size` bytes or more (0: it may be
  /// none).
  /// @throws CodecError  so many cannot follow
  std::size_t take_count(std::size_t min_size);

  /// Reads a place and gives the descriptor that rode along there.
  /// @throws CodecError  none did
  std::shared_ptr<const UniqueFd> take_fd();

  /// Says that the bytes come from this process's own parent: they may name code by its place in a
  /// program. For shoal itself.
  void trust_code() noexcept { may_name_code_ = true; }
  bool may_name_code() const noexcept { return may_name_code_; }

  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  /// Checks that everything was read.
  /// @throws CodecError  bytes are left
  void finish() const {
    if (at_ != end_) fail_trailing();
  }

 private:
  friend class internal::Nesting<Reader>;

  [[noreturn]] void fail_short(std::size_t wanted) const;
  [[noreturn]] void fail_trailing() const;

  const std::byte* at_;
  const std::byte* end_;
  std::span<const std::shared_ptr<const UniqueFd>> descriptors_;
  unsigned depth_ = 0;
  bool may_name_code_ = false;
  std::size_t empty_elements_left_;  // that the containers of this message may hold
};

}  // namespace shoal
