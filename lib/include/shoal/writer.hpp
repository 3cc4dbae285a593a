// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/unique_fd.hpp"

namespace shoal {

template <class T>
struct Codec;

namespace internal {
/// How deep containers, pointers and types with codecs of their own may nest.
inline constexpr unsigned kMaxDepth = 64;

[[noreturn]] void fail_depth();

/// One level of nesting, in a Writer or a Reader: what recursive types recurse through.
template <class Stream>
class [[nodiscard]] Nesting {
 public:
  explicit Nesting(Stream& stream) : stream_(stream) {
    if (stream.depth_ == kMaxDepth) fail_depth();
    ++stream.depth_;
  }
  ~Nesting() { --stream_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Stream& stream_;
};

/// True where Codec<T> is specialised.
template <class T>
concept HasOwnCodec = !requires {
  typename Codec<T>::NotSpecialized;
};

/// Written and read as their bytes without a look at the codecs: the whole of what short tasks
/// need.
template <class T>
inline constexpr bool is_plain_number =
    std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;

/// Memory that a Writer writes to, given back with the object.
class WriterBlock {
 public:
  virtual ~WriterBlock() = default;
  virtual std::span<std::byte> bytes() const noexcept = 0;
};

/// Where a Writer that grows large may get its memory: shared, so that what is written need not be
/// copied once more. Outlives the Writer.
class WriterMemory {
 public:
  /// A block of `size` bytes or more; none: the Writer makes do with the heap.
  virtual std::unique_ptr<WriterBlock> allocate(std::size_t size) = 0;

 protected:
  ~WriterMemory() = default;
};

/// Messages up to this size stay out of a WriterMemory.
inline constexpr std::size_t kLargestPrivateMessage = std::size_t{16} << 10;
}  // namespace internal

/// Collects the bytes of a message and the descriptors that ride along with it. Move-only.
///
/// The first 128 bytes cost no allocation. Used by one thread at a time. What stands in the bytes
/// is the machine's own layout: messages go between processes of one machine.
class Writer {
 public:
  Writer() noexcept = default;
  /// Takes memory for more than kLargestPrivateMessage bytes from `memory`.
  explicit Writer(internal::WriterMemory& memory) noexcept : memory_(&memory) {}
  /// Writes to `block` from the start, and elsewhere once that is full.
  explicit Writer(std::unique_ptr<internal::WriterBlock> block) noexcept { use(std::move(block)); }
  Writer(Writer&& other) noexcept { take(other); }
  Writer& operator=(Writer&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Writes a value by its codec (include <shoal/codec.hpp>).
  /// @throws CodecError  the value cannot be sent: nested too deep, or its codec says so
  template <class T>
  void put(const T& value) {
    if constexpr (internal::is_plain_number<T>) {
      write(&value, sizeof value);
    } else if constexpr (internal::HasOwnCodec<T>) {
      const internal::Nesting nesting(*this);
      Codec<T>::encode(*this, value);
    } else {
      Codec<T>::encode(*this, value);
    }
  }

  /// Appends `size` bytes as they are.
  void write(const void* bytes, std::size_t size) {
    if (size > capacity_ - size_) grow(size);
    if (size != 0) std::memcpy(data_ + size_, bytes, size);
    size_ += size;
  }

  /// Lets the descriptor ride along and writes its place among those that do, four bytes. One
  /// descriptor given several times rides once.
  /// @throws CodecError  there is no descriptor in it
  void put_fd(std::shared_ptr<const UniqueFd> descriptor);

  /// Makes room for `size` more bytes, so that writing them moves nothing.
  void reserve(std::size_t size) {
    if (size > capacity_ - size_) grow(size);
  }

  /// Gives what was written, valid until the next change.
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// Gives the descriptors that ride along, in the order of their places.
  const std::vector<std::shared_ptr<const UniqueFd>>& descriptors() const noexcept {
    return descriptors_;
  }
  /// Forgets bytes and descriptors; keeps the memory.
  void clear() noexcept;
  /// Writes over `size` bytes that were written before, from `at` on.
  void overwrite(std::size_t at, const void* bytes, std::size_t size) noexcept {
    std::memcpy(data_ + at, bytes, size);
  }
  /// Forgets the bytes from `size` on, and all descriptors.
  void truncate(std::size_t size) noexcept {
    size_ = size;
    descriptors_.clear();
  }
  /// Moves the bytes from `size` on, and all descriptors, to a message of their own.
  Writer split_off(std::size_t size);

  /// The block that holds the bytes; none if they are elsewhere.
  const internal::WriterBlock* block() const noexcept { return block_.get(); }
  /// Gives the block away, if the bytes are in one, and forgets them.
  std::unique_ptr<internal::WriterBlock> take_block() noexcept;

 private:
  friend class internal::Nesting<Writer>;

  static constexpr std::size_t kInlineBytes = 128;

  void grow(std::size_t more);
  void use(std::unique_ptr<internal::WriterBlock> block) noexcept;
  void take(Writer& other) noexcept;

  std::byte* data_ = inline_;
  std::size_t size_ = 0;
  std::size_t capacity_ = kInlineBytes;
  std::unique_ptr<std::byte[]> heap_;
  std::unique_ptr<internal::WriterBlock> block_;  // in the place of heap_
  internal::WriterMemory* memory_ = nullptr;
  std::vector<std::shared_ptr<const UniqueFd>> descriptors_;
  unsigned depth_ = 0;
  std::byte
      inline_[kInlineBytes];  // no std::array: its data() must not be called before it is made
};

}  // namespace shoal
