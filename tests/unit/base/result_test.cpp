// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace shoal::base {
namespace {

TEST(ResultTest, HoldsAValueOrAFailure) {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
  ASSERT_TRUE(good);
  EXPECT_EQ(**good, 7);
  Result<int> bad(failure(ENOENT, "open", "\"%s\"", "/nowhere"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().error, ENOENT);
}

TEST(ResultTest, AFailureSaysCallArgumentsAndReason) {
  EXPECT_EQ(failure(ENOENT, "open", "\"%s\", %d", "/nowhere", 3).to_string(),
            "open(\"/nowhere\", 3): No such file or directory");
  EXPECT_EQ(failure(EMFILE, "eventfd").to_string(), "eventfd(): Too many open files");
}

TEST(ResultTest, ArgumentsThatAreTooLongAreCut) {
  const std::string path(1000, 'x');
  EXPECT_LT(failure(EIO, "open", "\"%s\"", path.c_str()).to_string().size(), 200U);
}

TEST(ResultTest, AResultOfNothingIsSuccessOrFailure) {
  EXPECT_TRUE(Result<void>());
  EXPECT_FALSE(Result<void>(failure(EPERM, "fcntl")));
}

}  // namespace
}  // namespace shoal::base
