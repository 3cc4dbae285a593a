// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shoal::serial {

/// The functions of a program or library, as its file names them: static ones too where it was not
/// stripped, exported ones in any case.
class SymbolTable {
 public:
  /// Reads the file at `path`; a table of nothing if that is no such file.
  explicit SymbolTable(const std::string& path);

  /// The name of the function that holds `offset`, as it was written in the source.
  std::optional<std::string> find(std::uint64_t offset) const;

 private:
  struct Symbol {
    std::uint64_t first;
    std::uint64_t end;
    std::uint32_t name;  // where in names_
  };

  std::vector<Symbol> symbols_;  // by `first`
  std::vector<char> names_;      // NUL-terminated, one behind the other
};

}  // namespace shoal::serial
