// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "memory/mapping.hpp"
#include "os/fd.hpp"

// A shared array is a sealed anonymous file and nothing else: no hub knows of it. The kernel counts
// who holds it, by descriptors and maps, and frees it with the last.

namespace shoal::shared {

/// How the files of shared arrays are called in /proc.
inline constexpr const char* kArrayName = "shoal-array";

/// What a handle says of an array.
struct ArrayLabel {
  std::array<std::uint64_t, 2> id{};  ///< drawn by lot
  std::uint64_t bytes = 0;            ///< of the whole array; 0: there is no file
  std::uint64_t type = 0;             ///< type_hash() of its elements

  friend bool operator==(const ArrayLabel&, const ArrayLabel&) = default;
};

/// One array as this process has it: its map, and the descriptor that stands for it. There is one
/// for each array in a process, however many handles there are.
struct ArrayState {
  ArrayState(const ArrayLabel& label, memory::Mapping map,
             std::shared_ptr<const UniqueFd> descriptor);
  ~ArrayState();
  ArrayState(const ArrayState&) = delete;
  ArrayState& operator=(const ArrayState&) = delete;

  const ArrayLabel label;
  const memory::Mapping map;
  const std::shared_ptr<const UniqueFd> descriptor;  ///< an os::LastingFd
  const std::uint32_t generation;                    ///< of the process that has it
};

/// The arrays that a process has, by their ids. Safe from many threads.
class ArrayMaps {
 public:
  /// The array of that id, if this process has it.
  std::shared_ptr<ArrayState> find(const ArrayLabel& label);
  /// Enters an array; gives the one that another thread has entered meanwhile, if any.
  std::shared_ptr<ArrayState> enter(const std::shared_ptr<ArrayState>& array);
  /// Forgets an array that is being destroyed.
  void forget(const ArrayState& array) noexcept;

 private:
  std::mutex mutex_;
  std::map<std::array<std::uint64_t, 2>, std::weak_ptr<ArrayState>> arrays_;  // guarded by mutex_
};

}  // namespace shoal::shared
