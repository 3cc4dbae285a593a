// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "memory/mapping.hpp"
#include "pool/arena_memory.hpp"
#include "pool/reply_leases.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// The bytes of a task's arguments or of its result, and the descriptors that ride along. Small
/// ones stand in the object itself; a large result stays in the file it came in.
class Payload {
 public:
  using Descriptors = std::vector<std::shared_ptr<const UniqueFd>>;

  Payload() = default;
  /// Copies `bytes`.
  explicit Payload(std::span<const std::byte> bytes);
  /// Takes over what was written; large arguments are not copied again.
  explicit Payload(Writer&& written);
  /// Keeps the map of a file; `mapping` is exactly the bytes.
  explicit Payload(memory::Mapping mapping) : bytes_(std::move(mapping)) {}

  std::span<const std::byte> bytes() const noexcept;
  std::span<const std::shared_ptr<const UniqueFd>> descriptors() const noexcept {
    if (descriptors_ == nullptr) return {};
    return *descriptors_;
  }
  void set_descriptors(Descriptors descriptors);
  /// Keeps a result where its worker wrote it.
  explicit Payload(std::unique_ptr<ReplyLease> lease) : bytes_(std::move(lease)) {}
  /// True if a worker may still change the bytes.
  bool is_leased() const noexcept {
    return std::holds_alternative<std::unique_ptr<ReplyLease>>(bytes_);
  }
  /// The shared block that holds the bytes; none if they are elsewhere.
  const ArenaBlock* block() const noexcept;

 private:
  static constexpr std::size_t kInlineBytes = 55;
  struct Inline {
    std::uint8_t size;
    std::array<std::byte, kInlineBytes> bytes;
  };

  void keep(std::span<const std::byte> bytes) noexcept;

  std::variant<Inline, std::vector<std::byte>, std::unique_ptr<Writer>, memory::Mapping,
               std::unique_ptr<ReplyLease>>
      bytes_{};
  std::unique_ptr<Descriptors> descriptors_;  // none is the rule
};

}  // namespace shoal::pool
