// SPDX-License-Identifier: Apache-2.0
#include "serial/symbol_table.hpp"

#include <algorithm>

#include "serial/elf_file.hpp"
#include "serial/names.hpp"

namespace shoal::serial {
namespace {

// The full table where there is one; what is exported otherwise.
const Elf64_Shdr* find_table(const std::vector<Elf64_Shdr>& sections) {
  for (const unsigned type : {SHT_SYMTAB + 0U, SHT_DYNSYM + 0U}) {
    const auto at = std::find_if(sections.begin(), sections.end(), [&](const Elf64_Shdr& section) {
      return section.sh_type == type && section.sh_link < sections.size();
    });
    if (at != sections.end()) return &*at;
  }
  return nullptr;
}

}  // namespace

SymbolTable::SymbolTable(const std::string& path) {
  ElfFile file(path);
  const std::vector<Elf64_Shdr> sections = file.sections();
  const Elf64_Shdr* const table = find_table(sections);
  if (table == nullptr) return;
  const Elf64_Shdr& names = sections[table->sh_link];
  names_ = file.read<char>(names.sh_offset, names.sh_size);
  names_.push_back('\0');
  for (const Elf64_Sym& symbol :
       file.read<Elf64_Sym>(table->sh_offset, table->sh_size / sizeof(Elf64_Sym))) {
    const auto type = ELF64_ST_TYPE(symbol.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_name >= names_.size()) continue;
    symbols_.push_back({symbol.st_value, symbol.st_value + symbol.st_size, symbol.st_name});
  }
  // Of several names for one place the first in the file comes first: the local, which is longer.
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const Symbol& a, const Symbol& b) { return a.first < b.first; });
}

std::optional<std::string> SymbolTable::find(std::uint64_t offset) const {
  auto after = std::upper_bound(
      symbols_.begin(), symbols_.end(), offset,
      [](std::uint64_t wanted, const Symbol& symbol) { return wanted < symbol.first; });
  // Aliases of one place differ in size; a function that contains others is written in assembly.
  constexpr int kMostLooks = 8;
  for (int looks = 0; after != symbols_.begin() && looks < kMostLooks; ++looks) {
    --after;
    if (offset < after->end) return demangle(&names_[after->name]);
  }
  return std::nullopt;
}

}  // namespace shoal::serial
