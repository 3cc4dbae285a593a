// SPDX-License-Identifier: Apache-2.0
#include "serial/symbols.hpp"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "serial/names.hpp"

namespace shoal::serial {
namespace {

// A file that is not what its headers say gives nothing: whatever is missing reads as zero entries.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) : file_(path, std::ios::binary) {}

  template <class T>
  std::vector<T> read(std::uint64_t place, std::uint64_t count) {
    constexpr std::uint64_t kMostEntries = 1 << 24;
    if (count > kMostEntries) return {};
    std::vector<T> entries(count);
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(place));
    file_.read(reinterpret_cast<char*>(entries.data()),
               static_cast<std::streamsize>(count * sizeof(T)));
    if (!file_) entries.clear();
    return entries;
  }

  std::vector<Elf64_Shdr> sections() {
    const std::vector<Elf64_Ehdr> header = read<Elf64_Ehdr>(0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0) return {};
    if (header[0].e_ident[EI_CLASS] != ELFCLASS64) return {};
    return read<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
  }

 private:
  std::ifstream file_;
};

}  // namespace

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
