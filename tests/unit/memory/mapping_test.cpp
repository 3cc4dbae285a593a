// SPDX-License-Identifier: Apache-2.0
#include "memory/mapping.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "os/memfd.hpp"

namespace shoal::memory {
namespace {

constexpr std::size_t kBytes = 8192;

os::Fd make_file() {
  os::Result<os::Fd> file = os::create_shared_file("mapping-test", kBytes);
  EXPECT_TRUE(file);
  return std::move(*file);
}

TEST(MappingTest, TwoMapsOfOneFileShareTheirBytes) {
  const os::Fd file = make_file();
  const auto writer = Mapping::map(file.get(), kBytes, Access::read_write);
  const auto reader = Mapping::map(file.get(), kBytes, Access::read_only);
  ASSERT_TRUE(writer && reader);
  writer->bytes()[5000] = std::byte{42};
  EXPECT_EQ(reader->bytes()[5000], std::byte{42});
}

TEST(MappingTest, APrivateCopyKeepsItsWritesToItself) {
  const os::Fd file = make_file();
  const auto copy = Mapping::map(file.get(), kBytes, Access::private_copy);
  const auto reader = Mapping::map(file.get(), kBytes, Access::read_only);
  ASSERT_TRUE(copy && reader);
  copy->bytes()[0] = std::byte{1};
  EXPECT_EQ(reader->bytes()[0], std::byte{0});
}

TEST(MappingTest, ASealedFileCannotBeMappedWritableAgain) {
  const os::Fd file = make_file();
  const auto writer = Mapping::map(file.get(), kBytes, Access::read_write);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(os::seal(file.get(), os::Writers::those_who_mapped));
  const auto second = Mapping::map(file.get(), kBytes, Access::read_write);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().error, EPERM);
  EXPECT_TRUE(Mapping::map(file.get(), kBytes, Access::read_only));
}

TEST(MappingTest, OnlyAFileThatCannotChangeIsTakenFromAStranger) {
  const os::Fd open = make_file();
  EXPECT_FALSE(Mapping::map_sealed(open.get(), kBytes));
  const auto sealed = os::make_sealed_file("mapping-test", std::vector<std::byte>(kBytes));
  ASSERT_TRUE(sealed);
  EXPECT_TRUE(Mapping::map_sealed(sealed->get(), kBytes));
  for (const std::size_t wrong : {std::size_t{0}, kBytes - 1, kBytes + 1}) {
    const auto mapping = Mapping::map_sealed(sealed->get(), wrong);
    ASSERT_FALSE(mapping) << wrong;
    EXPECT_EQ(mapping.error().error, EPROTO);
  }
}

TEST(MappingTest, TheCopyInAForkedChildUnmapsNothing) {
  const os::Fd file = make_file();
  auto mapping = Mapping::map(file.get(), kBytes, Access::read_write);
  ASSERT_TRUE(mapping);
  void* const place = mapping->data();
  const pid_t child = ::fork();
  if (child == 0) {
    // Somebody else's memory comes to lie where the map was.
    void* const other = ::mmap(place, kBytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    { const Mapping ended = std::move(*mapping); }
    *static_cast<volatile char*>(other) = 1;  // a fault if it was unmapped
    ::_exit(other == place ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(MappingTest, AFailureNamesTheCallAndTheReason) {
  const auto mapping = Mapping::map(-1, kBytes, Access::read_only);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().error, EBADF);
  EXPECT_NE(mapping.error().to_string().find("mmap"), std::string::npos);
}

}  // namespace
}  // namespace shoal::memory
