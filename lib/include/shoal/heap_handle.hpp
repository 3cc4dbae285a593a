// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "shoal/duration.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::internal {

/// The memory of a shared heap and the lock that guards it, whatever manages the memory.
class HeapHandle {
 public:
  /// Gives the memory a manager that finds it empty.
  using Format = void (*)(std::span<std::byte> memory);

  /// `layout` names the manager's: programs of others do not share a heap.
  HeapHandle(std::size_t bytes, std::uint64_t layout, Format format);

  /// The memory, for who holds the lock.
  std::span<std::byte> memory() const;
  /// Takes the lock; false if it could not be had within `timeout`. `call`: for errors.
  /// @throws OwnerDiedError  who held it died, or the process that made it
  bool lock(Duration timeout, const char* call) const;
  void unlock() const;
  /// Gives a heap whose holder died its format anew; false if it is whole.
  bool reset(Format format) const;

  void encode(Writer& writer) const;
  static HeapHandle decode(Reader& reader, std::uint64_t layout);

  /// Throws the ResourceError of a heap that is full.
  [[noreturn]] static void fail_full(std::size_t bytes, std::size_t free);

 private:
  struct State;
  explicit HeapHandle(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace shoal::internal
