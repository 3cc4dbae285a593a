// SPDX-License-Identifier: Apache-2.0
// A black box that somebody else writes as he likes.
#include "pool/black_box.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <string>

#include "memory/mapping.hpp"
#include "metrics/log_writer.hpp"
#include "pool/certificate.hpp"

namespace shoal::pool {
namespace {

using memory::Access;
using memory::Mapping;

class BlackBoxTest : public testing::Test {
 protected:
  BlackBoxTest() {
    os::Fd file;
    box = *BlackBox::create("PoolWorker-7", file);
    box->set_pid(77);
    mapping = *Mapping::map(file.get(), metrics::kBlackBoxBytes, Access::read_write);
  }

  SharedBlackBox& shared() { return *reinterpret_cast<SharedBlackBox*>(mapping.data()); }
  os::CrashReport& report() { return shared().crash; }

  WorkerLoss loss(std::optional<os::ExitStatus> status, bool is_killed_by_us = false) {
    box->finish(status);
    WorkerLoss result;
    const Certificate certificate(box, status, is_killed_by_us);
    certificate.complete(result);
    summary = certificate.summary();
    return result;
  }
  void set_module(std::uint32_t index, const std::string& path) {
    std::memcpy(report().modules[index].data(), path.data(), path.size());
    report().module_count = index + 1;
  }

  static constexpr os::ExitStatus kCrashed{0, SIGSEGV, false, {}};
  std::shared_ptr<BlackBox> box;
  Mapping mapping;
  std::string summary;
};

TEST_F(BlackBoxTest, AWorkerThatSaidNothingLeavesNothing) {
  const WorkerLoss nothing = loss(os::ExitStatus{0, SIGKILL, false, {}});
  EXPECT_EQ(nothing.backtrace, "");
  EXPECT_EQ(nothing.message, "");
  EXPECT_TRUE(nothing.last_log_lines.empty());
  EXPECT_FALSE(nothing.usage);
  EXPECT_FALSE(nothing.out_of_memory);
  EXPECT_EQ(summary, "");
}

TEST_F(BlackBoxTest, TheLastRecordsAreKept) {
  metrics::LogWriter<sync::Hardware> writer(shared());
  for (int n = 1; n <= 25; ++n) writer.write(LogLevel::info, n, std::to_string(n));
  const WorkerLoss quoted = loss(std::nullopt);
  ASSERT_EQ(quoted.last_log_lines.size(), BlackBox::kLastLines);
  EXPECT_EQ(quoted.last_log_lines.front(), "[info] 6");
  EXPECT_EQ(quoted.last_log_lines.back(), "[info] 25");
}

TEST_F(BlackBoxTest, AReportThatWasNotFinishedIsNone) {
  report().frame_count = 3;
  report().state = os::CrashReport::begun;
  EXPECT_FALSE(box->crash());
  report().state = 4711;
  EXPECT_FALSE(box->crash());
  report().state = os::CrashReport::at_signal;
  EXPECT_EQ(box->crash()->frames.size(), 3U);
}

TEST_F(BlackBoxTest, ImpossibleNumbersAreCut) {
  report().state = os::CrashReport::whole;
  report().frame_count = ~0U;
  report().module_count = ~0U;
  for (os::CrashReport::Frame& frame : report().frames) frame = {~std::uint64_t{0}, 4711, 0};
  const std::optional<Crash> crash = box->crash();
  EXPECT_EQ(crash->frames.size(), os::CrashReport::kMostFrames);
  EXPECT_EQ(crash->modules.size(), os::CrashReport::kMostModules);
  EXPECT_FALSE(crash->frames[0].module);
  EXPECT_TRUE(loss(kCrashed).backtrace.starts_with("#0 ?? (0xffffffffffffffff)\n#1"));
}

TEST_F(BlackBoxTest, TextsNeedNoEnd) {
  report().message.fill('a');
  for (auto& path : report().modules) path.fill('/');
  report().module_count = os::CrashReport::kMostModules;
  report().state = os::CrashReport::whole;
  EXPECT_EQ(box->last_words().size(), os::CrashReport::kLongestMessage - 1);
  EXPECT_EQ(box->crash()->modules.back().size(), os::CrashReport::kLongestPath - 1);
}

TEST_F(BlackBoxTest, OnlyPlainFilesAreReadForNames) {
  set_module(0, "/dev/zero");
  set_module(1, "relative/path");
  set_module(2, "/proc/self/mem");
  set_module(3, "/");
  report().frame_count = 4;
  for (std::uint32_t i = 0; i < 4; ++i) report().frames[i] = {0x40, i, 0};
  report().state = os::CrashReport::whole;
  const std::string text = loss(kCrashed).backtrace;
  EXPECT_TRUE(text.starts_with("#0 ?? (zero+0x40)\n#1 ?? (path+0x40)\n#2 ?? (mem+0x40)\n#3 ?? ("))
      << text;
}

TEST_F(BlackBoxTest, WordsLoseTheirLastNewline) {
  std::strcpy(report().message.data(), "assertion failed\n");
  EXPECT_EQ(loss(std::nullopt).message, "assertion failed");
  EXPECT_EQ(summary, ": assertion failed");
}

TEST_F(BlackBoxTest, ADamagedLogIsToldOnceAndLeftAlone) {
  shared().end = 3;
  EXPECT_TRUE(box->has_news());
  testing::internal::CaptureStderr();
  box->relay();
  box->relay();
  const std::string text = testing::internal::GetCapturedStderr();
  const std::string told = "PoolWorker-7 pid 77: its log is damaged";
  EXPECT_NE(text.find(told), std::string::npos) << text;
  EXPECT_EQ(text.find(told), text.rfind(told));
  EXPECT_FALSE(box->has_news());
}

}  // namespace
}  // namespace shoal::pool
