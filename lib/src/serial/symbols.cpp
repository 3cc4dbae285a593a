// SPDX-License-Identifier: Apache-2.0
#include "serial/symbols.hpp"

#include <vector>

#include "serial/elf_file.hpp"
#include "serial/names.hpp"

namespace shoal::serial {
std::optional<std::string> find_symbol(const std::string& path, std::uint64_t offset) {
  ElfFile file(path);
  const std::vector<Elf64_Shdr> sections = file.sections();
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
    const Elf64_Shdr& names = sections[section.sh_link];
    for (const Elf64_Sym& symbol :
         file.read<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym))) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value != offset) continue;
      if (symbol.st_name >= names.sh_size) continue;
      std::vector<char> name =
          file.read<char>(names.sh_offset + symbol.st_name, names.sh_size - symbol.st_name);
      name.push_back('\0');
      return demangle(name.data());
    }
  }
  return std::nullopt;
}

}  // namespace shoal::serial
