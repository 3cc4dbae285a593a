// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shoal::serial {

/// Looks up, in the full symbol table of the program or library at `path`, the function that begins
/// at `offset`; demangled. None in a stripped file. Reads the file: for error messages.
std::optional<std::string> find_symbol(const std::string& path, std::uint64_t offset);

}  // namespace shoal::serial
