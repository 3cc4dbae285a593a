// SPDX-License-Identifier: Apache-2.0
#include "shoal/writer.hpp"

#include <algorithm>

#include "shoal/error.hpp"

namespace shoal {

void Writer::grow(std::size_t more) {
  const std::size_t capacity = std::max(capacity_ * 2, size_ + more);
  if (memory_ != nullptr && capacity > internal::kLargestPrivateMessage) {
    if (auto block = memory_->allocate(capacity)) {
      std::memcpy(block->bytes().data(), data_, size_);
      return use(std::move(block));
    }
  }
  auto bigger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::memcpy(bigger.get(), data_, size_);
  heap_ = std::move(bigger);
  block_ = nullptr;
  data_ = heap_.get();
  capacity_ = capacity;
}

void Writer::use(std::unique_ptr<internal::WriterBlock> block) noexcept {
  data_ = block->bytes().data();
  capacity_ = block->bytes().size();
  block_ = std::move(block);
  heap_ = nullptr;
}

std::unique_ptr<internal::WriterBlock> Writer::take_block() noexcept {
  if (block_ == nullptr) return nullptr;
  std::unique_ptr<internal::WriterBlock> block = std::move(block_);
  data_ = inline_;
  size_ = 0;
  capacity_ = kInlineBytes;
  return block;
}

Writer Writer::split_off(std::size_t size) {
  Writer rest;
  rest.write(data_ + size, size_ - size);
  rest.descriptors_ = std::exchange(descriptors_, {});
  size_ = size;
  return rest;
}

void Writer::take(Writer& other) noexcept {
  if (other.data_ == other.inline_) std::memcpy(inline_, other.inline_, other.size_);
  data_ = other.data_ == other.inline_ ? inline_ : other.data_;
  heap_ = std::move(other.heap_);
  block_ = std::move(other.block_);
  memory_ = std::exchange(other.memory_, nullptr);
  other.data_ = other.inline_;
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, kInlineBytes);
  descriptors_ = std::exchange(other.descriptors_, {});
  depth_ = std::exchange(other.depth_, 0);
}

void Writer::clear() noexcept {
  size_ = 0;
  descriptors_.clear();
  depth_ = 0;
}

void Writer::put_fd(std::shared_ptr<const UniqueFd> descriptor) {
  if (descriptor == nullptr || !*descriptor) {
    throw CodecError("a descriptor that is closed cannot be sent");
  }
  const auto at = std::find(descriptors_.begin(), descriptors_.end(), descriptor);
  put(static_cast<std::uint32_t>(at - descriptors_.begin()));
  if (at == descriptors_.end()) descriptors_.push_back(std::move(descriptor));
}

}  // namespace shoal
