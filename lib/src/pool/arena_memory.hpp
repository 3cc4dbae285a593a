// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "memory/arena.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// A large message on its way into shared memory, where the other side reads it.
class ArenaBlock final : public internal::WriterBlock {
 public:
  explicit ArenaBlock(memory::Block block) noexcept : block_(std::move(block)) {}
  std::span<std::byte> bytes() const noexcept override { return block_.bytes(); }
  const memory::Block& block() const noexcept { return block_; }

 private:
  memory::Block block_;
};

/// Gives writers memory that the other side can map: those of a pool's arguments, those of a
/// worker's results. Thread-safe.
class ArenaMemory final : public internal::WriterMemory {
 public:
  /// `name` shows in /proc only.
  explicit ArenaMemory(const char* name) : arena_(memory::Arena::create(name)) {}

  std::unique_ptr<internal::WriterBlock> allocate(std::size_t size) override {
    std::optional<memory::Block> block = arena_->allocate(size);
    if (!block) return nullptr;
    return std::make_unique<ArenaBlock>(std::move(*block));
  }
  const memory::Arena& arena() const noexcept { return *arena_; }

 private:
  std::shared_ptr<memory::Arena> arena_;
};

}  // namespace shoal::pool
