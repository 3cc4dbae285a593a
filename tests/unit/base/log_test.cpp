// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

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

struct Taker final : LogTaker {
  void take(LogLevel level, std::chrono::system_clock::time_point time,
            std::string_view text) noexcept override {
    taken.push_back({level, time, std::string(text)});
  }
  struct Record {
    LogLevel level;
    std::chrono::system_clock::time_point time;
    std::string text;
  };
  std::vector<Record> taken;
};

TEST_F(LogTest, ATakerGetsTheRecordsOfALoggerThatIsKnownAlready) {
  static Taker taker;
  const auto before = get_logger();
  hand_log_to(taker);
  testing::internal::CaptureStderr();
  const auto time = std::chrono::system_clock::now() - std::chrono::hours(1);
  log(LogLevel::info, "below the level");
  log(LogLevel::error, "one");
  log(LogLevel::warn, time, "two, made {} ago");
  EXPECT_EQ(get_logger(), before);
  ASSERT_EQ(taker.taken.size(), 2U);
  EXPECT_EQ(taker.taken[0].level, LogLevel::error);
  EXPECT_EQ(taker.taken[0].text, "one");
  EXPECT_EQ(taker.taken[1].text, "two, made {} ago");
  EXPECT_EQ(taker.taken[1].time, time);
  reset_log_after_fork();
  log(LogLevel::error, "on its own again");
  flush_log();
  EXPECT_EQ(taker.taken.size(), 2U);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("one"), std::string::npos);
  EXPECT_NE(text.find("on its own again"), std::string::npos);
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
