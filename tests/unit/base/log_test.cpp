// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>

namespace shoal::base {
namespace {

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { set_log_level(LogLevel::warn); }
};

TEST_F(LogTest, TheLibraryIsSilentBelowWarn) {
  testing::internal::CaptureStderr();
  log(LogLevel::info, "nobody reads this");
  log(LogLevel::warn, "somebody reads this");
  flush_log();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("nobody"), std::string::npos);
  EXPECT_NE(text.find("[shoal] [warning]"), std::string::npos);
  EXPECT_NE(text.find("somebody reads this"), std::string::npos);
}

TEST_F(LogTest, LogToStderrLowersTheLevel) {
  testing::internal::CaptureStderr();
  log_to_stderr(LogLevel::debug);
  EXPECT_TRUE(is_logged(LogLevel::debug));
  EXPECT_FALSE(is_logged(LogLevel::trace));
  log(LogLevel::debug, "a {} brace is no format");
  flush_log();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("a {} brace is no format"),
            std::string::npos);
}

TEST_F(LogTest, AFreshLoggerAfterAForkKeepsTheLevel) {
  log_to_stderr(LogLevel::error);
  const auto inherited = get_logger();
  reset_log_after_fork();
  EXPECT_NE(get_logger(), inherited);
  EXPECT_EQ(log_level(), LogLevel::error);
}

}  // namespace
}  // namespace shoal::base
