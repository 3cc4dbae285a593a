// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace shoal::serial {

/// Reads tables of an ELF file. A file that is not what its headers say gives nothing: whatever is
/// missing reads as zero entries, and no more memory is taken than the file is long, or than a
/// table of kLargestTable: a file may be long without being there.
class ElfFile {
 public:
  static constexpr std::uint64_t kLargestTable = 256U << 20;

  explicit ElfFile(const std::string& path) : file_(path, std::ios::binary | std::ios::ate) {
    if (file_) size_ = static_cast<std::uint64_t>(file_.tellg());
  }

  template <class T>
  std::vector<T> read(std::uint64_t place, std::uint64_t count) {
    if (place > size_ || count > (size_ - place) / sizeof(T)) return {};
    if (count > kLargestTable / sizeof(T)) return {};
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
  std::uint64_t size_ = 0;
};

}  // namespace shoal::serial
