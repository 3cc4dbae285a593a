// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "memory/mapping.hpp"
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
  const Descriptors& descriptors() const noexcept { return descriptors_; }
  void set_descriptors(Descriptors descriptors) { descriptors_ = std::move(descriptors); }

 private:
  static constexpr std::size_t kInlineBytes = 104;
  struct Inline {
    std::size_t size;
    std::array<std::byte, kInlineBytes> bytes;
  };

  void keep(std::span<const std::byte> bytes) noexcept;

  std::variant<Inline, std::vector<std::byte>, std::unique_ptr<Writer>, memory::Mapping> bytes_{};
  Descriptors descriptors_;
};

}  // namespace shoal::pool
