// SPDX-License-Identifier: Apache-2.0
#include "serial/symbol_table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "serial/elf_file.hpp"
#include "serial/module.hpp"

namespace shoal::serial {

[[gnu::noinline]] int a_function_of_the_test(int n) { return n + static_cast<int>(::getpid()); }

namespace {

[[gnu::noinline]] int a_static_function(int n) { return a_function_of_the_test(n) * 2; }

std::uint64_t offset_of(int (*function)(int)) {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  return address - module_of(address).base;
}

const std::string kSelf = "/proc/self/exe";

TEST(SymbolTableTest, FindsExternAndStaticFunctionsByAnyOfTheirBytes) {
  const SymbolTable table(kSelf);
  for (const std::uint64_t inside : {0, 1, 3}) {
    EXPECT_EQ(table.find(offset_of(&a_function_of_the_test) + inside),
              "shoal::serial::a_function_of_the_test(int)");
    EXPECT_EQ(table.find(offset_of(&a_static_function) + inside),
              "shoal::serial::(anonymous namespace)::a_static_function(int)");
  }
}

TEST(SymbolTableTest, FindsNothingWhereThereIsNoFunction) {
  const SymbolTable table(kSelf);
  EXPECT_EQ(table.find(0), std::nullopt);
  EXPECT_EQ(table.find(~std::uint64_t{0}), std::nullopt);
}

TEST(SymbolTableTest, AFileThatIsNoneOrNoProgramHasNoFunctions) {
  for (const char* path : {"", "/nowhere/at/all", "/proc/self/status", "/etc/passwd", "/"}) {
    EXPECT_EQ(SymbolTable(path).find(64), std::nullopt) << path;
  }
}

// A program whose section headers lie about sizes and places.
TEST(SymbolTableTest, AFileThatLiesTakesNoMemoryAndTellsNothing) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_shoff = sizeof header;
  header.e_shnum = 2;
  Elf64_Shdr table{};
  table.sh_type = SHT_SYMTAB;
  table.sh_link = 1;
  Elf64_Shdr names{};
  const std::string path = testing::TempDir() + "/shoal-lies-" + std::to_string(::getpid());
  for (const std::uint64_t huge :
       {std::uint64_t{1} << 20, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    table.sh_size = names.sh_size = huge;
    table.sh_offset = names.sh_offset = huge == ~std::uint64_t{0} ? huge : 0;
    std::ofstream file(path, std::ios::binary);
    for (const auto& [at, size] : {std::pair{static_cast<const void*>(&header), sizeof header},
                                   {&table, sizeof table},
                                   {&names, sizeof names}}) {
      file.write(static_cast<const char*>(at), static_cast<std::streamsize>(size));
    }
    file.close();
    EXPECT_EQ(SymbolTable(path).find(64), std::nullopt);
  }
  ::unlink(path.c_str());
}

TEST(ElfFileTest, ALongFileWithNothingInItTakesNoMemory) {
  const std::string path = ::testing::TempDir() + "shoal-sparse-" + std::to_string(::getpid());
  std::ofstream(path).put('x');
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  EXPECT_TRUE(ElfFile(path).read<char>(0, std::uint64_t{1} << 39).empty());
  EXPECT_EQ(ElfFile(path).read<char>(0, 1).size(), 1U);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace shoal::serial
