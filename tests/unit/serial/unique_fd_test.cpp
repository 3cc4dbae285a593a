// SPDX-License-Identifier: Apache-2.0
#include "shoal/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>

#include "shoal/error.hpp"
#include "support/leak_guard.hpp"

namespace shoal {
namespace {

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(UniqueFdTest, OwnsNothingByDefault) {
  const UniqueFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFdTest, ClosesWhatItOwns) {
  int number = -1;
  {
    const UniqueFd fd = open_null();
    number = fd.get();
    ASSERT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, MovesOwnership) {
  static_assert(!std::is_copy_constructible_v<UniqueFd>);
  const test::LeakGuard guard;
  UniqueFd first = open_null();
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), number);
  UniqueFd third = open_null();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
}

TEST(UniqueFdTest, GivesItsDescriptorAway) {
  UniqueFd fd = open_null();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  fd.reset(number);
  fd.reset();
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, ClosingKeepsErrno) {
  UniqueFd fd(1 << 20);  // not open: close fails
  errno = EDOM;
  fd.reset();
  EXPECT_EQ(errno, EDOM);
}

TEST(UniqueFdTest, ADuplicateOutlivesIt) {
  UniqueFd fd = open_null();
  const UniqueFd copy = fd.duplicate();
  EXPECT_NE(copy.get(), fd.get());
  EXPECT_EQ(::fcntl(copy.get(), F_GETFD), FD_CLOEXEC);
  fd.reset();
  EXPECT_TRUE(is_open(copy.get()));
}

TEST(UniqueFdTest, NothingCannotBeDuplicated) {
  try {
    UniqueFd().duplicate();
    FAIL() << "nothing was duplicated";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
  }
}

}  // namespace
}  // namespace shoal
