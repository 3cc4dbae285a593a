// SPDX-License-Identifier: Apache-2.0
#include "serial/function_ref.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "serial/symbols.hpp"
#include "shoal/error.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal::serial {
namespace {

int answer() { return 42; }

template <class F>
std::uintptr_t address_of(F* function) {
  return reinterpret_cast<std::uintptr_t>(function);
}

// A library of the tests' own, loaded for as long as this lives.
class Library {
 public:
  explicit Library(const char* path) : handle_(::dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw std::runtime_error(::dlerror());
  }
  ~Library() { ::dlclose(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  std::uintptr_t function(const char* name) const {
    return reinterpret_cast<std::uintptr_t>(::dlsym(handle_, name));
  }

 private:
  void* handle_;
};

TEST(FunctionRefTest, FindsAFunctionOfTheProgram) {
  const CodeRef reference = locate(address_of(&answer));
  EXPECT_EQ(reference.path, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(resolve(reference), address_of(&answer));
}

TEST(FunctionRefTest, FindsAFunctionOfALibrary) {
  const CodeRef reference = locate(address_of(&::dlsym));
  EXPECT_NE(reference.module, locate(address_of(&answer)).module);
  EXPECT_EQ(resolve(reference), address_of(&::dlsym));
}

TEST(FunctionRefTest, TravelsAsAValue) {
  const CodeRef reference = locate(address_of(&answer));
  EXPECT_EQ(resolve(test::round_trip(reference)), address_of(&answer));
}

TEST(FunctionRefTest, GivesEveryModuleOneObject) {
  EXPECT_EQ(&module_of(address_of(&answer)), &module_of(address_of(&answer)));
  EXPECT_NE(&module_of(address_of(&answer)), &module_of(address_of(&::dlsym)));
}

TEST(FunctionRefTest, RefusesAnAddressThatIsNoCode) {
  const int variable = 0;
  EXPECT_THROW(locate(reinterpret_cast<std::uintptr_t>(&variable)), CodecError);
  try {
    locate(0x10);
    FAIL() << "0x10 was taken for code";
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("0x10"), std::string::npos) << error.what();
  }
}

TEST(FunctionRefTest, RefusesAPlaceOutsideTheCode) {
  CodeRef reference = locate(address_of(&answer));
  reference.offset = 1;  // the file's header
  EXPECT_THROW(resolve(reference), CodecError);
  reference.offset = ~std::uint64_t{0};
  EXPECT_THROW(resolve(reference), CodecError);
}

TEST(FunctionRefTest, NamesTheFileWhoseBuildDiffers) {
  CodeRef reference = locate(address_of(&answer));
  reference.module.bytes[0] ^= std::byte{1};
  try {
    resolve(reference);
    FAIL() << "another build was taken";
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find(reference.path), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("different builds"), std::string::npos);
  }
}

TEST(FunctionRefTest, LoadsALibraryThatIsNotHere) {
  CodeRef reference;
  {
    const Library library(SHOAL_TEST_THIRD_LIBRARY);
    reference = locate(library.function("library_answer"));
  }
  ASSERT_EQ(::dlopen(SHOAL_TEST_THIRD_LIBRARY, RTLD_NOW | RTLD_NOLOAD), nullptr);
  const auto function = reinterpret_cast<int (*)()>(resolve(reference));
  EXPECT_EQ(function(), 3);
}

TEST(FunctionRefTest, RefusesALibraryOfAnotherBuild) {
  CodeRef reference;
  {
    const Library library(SHOAL_TEST_OTHER_LIBRARY);
    reference = locate(library.function("library_answer"));
  }
  reference.path = SHOAL_TEST_LIBRARY;
  EXPECT_THROW(resolve(reference), CodecError);
}

TEST(FunctionRefTest, RefusesALibraryThatCannotBeLoaded) {
  CodeRef reference = locate(address_of(&answer));
  reference.module.bytes[0] ^= std::byte{1};
  reference.path = "/nowhere/libnothing.so";
  try {
    resolve(reference);
    FAIL() << "a library that is not there was loaded";
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find(reference.path), std::string::npos) << error.what();
  }
  reference.path.clear();
  EXPECT_THROW(resolve(reference), CodecError);
}

// The first library has no build-id, the second one has.
TEST(FunctionRefTest, TellsLibrariesWithoutBuildIdByTheirCode) {
  const Library library(SHOAL_TEST_LIBRARY);
  const Library other(SHOAL_TEST_OTHER_LIBRARY);
  const ModuleId id = locate(library.function("library_answer")).module;
  const ModuleId other_id = locate(other.function("library_answer")).module;
  EXPECT_EQ(id.size, ModuleId::kIsHash | 16);
  EXPECT_EQ(other_id.size, 20);
  EXPECT_NE(id, other_id);
}

TEST(FunctionRefTest, MayBeAskedByManyThreadsWhileLibrariesComeAndGo) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 200; ++round) {
        ASSERT_EQ(resolve(locate(address_of(&answer))), address_of(&answer));
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    const Library library(SHOAL_TEST_OTHER_LIBRARY);
    EXPECT_NO_THROW(locate(library.function("library_answer")));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(DescribeCodeTest, NamesExportedFunctions) {
  EXPECT_EQ(describe_code(address_of(&::dlsym)), "dlsym");
}

TEST(DescribeCodeTest, NamesFunctionsOfAProgramThatIsNotStripped) {
  EXPECT_NE(describe_code(address_of(&answer)).find("answer"), std::string::npos);
}

TEST(DescribeCodeTest, PlacesWhatHasNoName) {
  const std::string name = describe_code(address_of(&answer) + 1);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
  EXPECT_EQ(name.substr(0, program.size() + 3), program + "+0x");
}

TEST(FindSymbolTest, FilesThatAreNoProgramsHaveNone) {
  EXPECT_EQ(find_symbol("/proc/self/maps", 0), std::nullopt);
  EXPECT_EQ(find_symbol("/nowhere", 0), std::nullopt);
  EXPECT_EQ(find_symbol("/bin/sh", 1), std::nullopt);
}

}  // namespace
}  // namespace shoal::serial
