// SPDX-License-Identifier: Apache-2.0
#include "process/exit_reports.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "os/socket.hpp"
#include "process/server_protocol.hpp"

namespace shoal::process {
namespace {

class ExitReportsTest : public testing::Test {
 protected:
  ExitReportsTest()
      : ExitReportsTest(std::move(*os::create_socket_pair(os::SocketKind::messages))) {}

  void report(std::uint64_t ticket, int status) {
    const ExitReport sent{ticket, status, 0, {1'000, 2'000, 4096}};
    ASSERT_TRUE(os::send_message(server_.get(), bytes_of(sent), {}, os::Wait::no));
  }

  os::Fd server_;
  ExitReports reports_;

 private:
  explicit ExitReportsTest(std::pair<os::Fd, os::Fd> ends)
      : server_(std::move(ends.first)), reports_(std::move(ends.second), nullptr) {}
};

TEST_F(ExitReportsTest, ClaimGivesWhatWasReported) {
  reports_.expect(7);
  report(7, 3 << 8);
  EXPECT_EQ(reports_.claim(7, base::Deadline::never())->exitcode(), 3);
}

TEST_F(ExitReportsTest, ClaimGivesWhatTheChildHasUsed) {
  reports_.expect(7);
  report(7, 9);
  const std::optional<os::Usage> usage = reports_.claim(7, base::Deadline::never())->usage;
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->user_nanoseconds, 1'000);
  EXPECT_EQ(usage->system_nanoseconds, 2'000);
  EXPECT_EQ(usage->max_rss_bytes, 4096U);
}

TEST_F(ExitReportsTest, ReportsOfOthersAreKeptForThem) {
  reports_.expect(1);
  reports_.expect(2);
  report(2, 9);
  report(1, 1 << 8);
  EXPECT_EQ(reports_.claim(1, base::Deadline::never())->exitcode(), 1);
  EXPECT_EQ(reports_.claim(2, base::Deadline::never())->exitcode(), -9);
}

TEST_F(ExitReportsTest, WhatNobodyExpectsIsDropped) {
  report(5, 0);
  reports_.expect(5);
  reports_.forget(5);
  EXPECT_FALSE(reports_.claim(5, base::Deadline::never()));
}

TEST_F(ExitReportsTest, ForgettingEmptiesTheSocket) {
  for (std::uint64_t ticket = 1; ticket <= 2000; ++ticket) {
    reports_.expect(ticket);
    report(ticket, 0);
    reports_.forget(ticket);
  }
}

TEST_F(ExitReportsTest, LateReportIsWaitedFor) {
  reports_.expect(1);
  std::thread server([&] { report(1, 4 << 8); });
  EXPECT_EQ(reports_.claim(1, base::Deadline::never())->exitcode(), 4);
  server.join();
}

TEST_F(ExitReportsTest, MissingReportIsWaitedForUntilTheDeadlineAndMayComeLater) {
  reports_.expect(1);
  const base::Deadline deadline = base::Deadline::in(std::chrono::milliseconds(50));
  EXPECT_FALSE(reports_.claim(1, deadline));
  EXPECT_TRUE(deadline.is_past());
  report(1, 0);
  EXPECT_EQ(reports_.claim(1, base::Deadline::now())->exitcode(), 0);
}

TEST_F(ExitReportsTest, DeadServerIsNotWaitedFor) {
  reports_.expect(1);
  reports_.expect(2);
  report(1, 0);
  server_.reset();
  EXPECT_FALSE(reports_.claim(2, base::Deadline::never()));
  EXPECT_EQ(reports_.claim(1, base::Deadline::never())->exitcode(), 0);
}

}  // namespace
}  // namespace shoal::process
