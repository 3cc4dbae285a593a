// SPDX-License-Identifier: Apache-2.0
#include "memory/mapping.hpp"

#include <gtest/gtest.h>

#include <cerrno>

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

TEST(MappingTest, AFailureNamesTheCallAndTheReason) {
  const auto mapping = Mapping::map(-1, kBytes, Access::read_only);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().error, EBADF);
  EXPECT_NE(mapping.error().to_string().find("mmap"), std::string::npos);
}

}  // namespace
}  // namespace shoal::memory
