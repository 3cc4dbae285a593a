// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::serial {

/// Tells builds of a program or library apart: the GNU build-id that the linker left in it or,
/// where it left none, a hash of the code.
struct ModuleId {
  static constexpr std::uint8_t kIsHash = 0x80;

  std::array<std::byte, 32> bytes{};  ///< the rest is zero
  std::uint8_t size = 0;              ///< bytes in use, plus kIsHash for a hash of the code

  bool operator==(const ModuleId&) const = default;
};

/// A program or library in this process's memory. Its objects stay for ever, also after dlclose().
struct Module {
  struct Range {
    std::uintptr_t first = 0;
    std::uintptr_t end = 0;

    bool operator==(const Range&) const = default;
  };

  ModuleId id;
  std::string path;
  std::uintptr_t base = 0;  ///< what is added to the addresses in the file
  std::vector<Range> code;  ///< what is mapped executable

  bool holds_code(std::uintptr_t address) const noexcept;
  bool operator==(const Module&) const = default;
};

/// The module whose code `address` lies in. Takes no lock of ours, so that it works in the child of
/// a fork whatever the other threads did. Thread-safe.
/// @throws CodecError  it lies in the code of none
const Module& module_of(std::uintptr_t address);

/// The module of that id, loaded from `path` if it is not here yet (and then never unloaded).
/// Thread-safe. `path` is trusted: it must come from this process's own parent.
/// @throws CodecError  it cannot be loaded, or what is there is another build
const Module& find_or_load(const ModuleId& id, std::string_view path);

/// The base address of find_or_load().
std::uintptr_t load(const ModuleId& id, std::string_view path);

}  // namespace shoal::serial
