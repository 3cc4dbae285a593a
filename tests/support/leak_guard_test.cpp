// SPDX-License-Identifier: Apache-2.0
#include "support/leak_guard.hpp"

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace shoal::test {
namespace {

using std::chrono::milliseconds;

/// A child that lives until the write end of `pipe` is closed, so also no longer than this test.
/// test does.
pid_t fork_child_waiting_on(const int (&pipe)[2]) {
  const pid_t pid = fork();
  if (pid == 0) {
    close(pipe[1]);
    char byte = 0;
    _exit(read(pipe[0], &byte, 1) == 0 ? 0 : 1);
  }
  return pid;
}

bool mentions(const std::vector<std::string>& leaks, const std::string& text) {
  return std::any_of(leaks.begin(), leaks.end(),
                     [&](const std::string& leak) { return leak.find(text) != std::string::npos; });
}

TEST(LeakGuardTest, FindsNothingWhenNothingChanged) {
  const Holdings before = current_holdings();
  EXPECT_EQ(find_leaks(before, current_holdings()), std::vector<std::string>{});
}

TEST(LeakGuardTest, NamesWhatANewDescriptorPointsAt) {
  const Holdings before = current_holdings();
  const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const std::vector<std::string> leaks = find_leaks(before, current_holdings());
  close(descriptor);
  EXPECT_EQ(leaks,
            std::vector<std::string>{"descriptor " + std::to_string(descriptor) + " -> /dev/null"});
}

TEST(LeakGuardTest, SeesADescriptorThatChangedItsTarget) {
  const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const Holdings before = current_holdings();
  close(descriptor);
  ASSERT_EQ(open("/dev/zero", O_RDONLY | O_CLOEXEC), descriptor);
  const std::vector<std::string> leaks = find_leaks(before, current_holdings());
  close(descriptor);
  EXPECT_TRUE(mentions(leaks, "/dev/zero"));
}

TEST(LeakGuardTest, NamesALivingChildAndThenItsZombie) {
  int pipe[2];
  ASSERT_EQ(pipe2(pipe, O_CLOEXEC), 0);
  const Holdings before = current_holdings();
  const pid_t pid = fork_child_waiting_on(pipe);
  const std::string child = "child " + std::to_string(pid);
  EXPECT_TRUE(mentions(find_leaks(before, current_holdings()), child));
  EXPECT_FALSE(mentions(find_forbidden_leaks(before, current_holdings()), child));

  close(pipe[1]);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(mentions(find_forbidden_leaks(before, current_holdings()), "(Z)"));
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  close(pipe[0]);
}

TEST(LeakGuardTest, NamesASharedNameWithThisProcessInIt) {
  const Holdings before = current_holdings();
  const std::string name = "shoal-" + std::to_string(getpid()) + "-leak";
  const std::string path = "/dev/shm/" + name;
  close(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const std::vector<std::string> leaks = find_forbidden_leaks(before, current_holdings());
  unlink(path.c_str());
  EXPECT_EQ(leaks, std::vector<std::string>{"shared name " + path});
}

TEST(LeakGuardTest, FailsTheTestThatLeaks) {
  static int descriptor = -1;
  EXPECT_NONFATAL_FAILURE(
      {
        const LeakGuard guard(milliseconds(0));
        descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
      },
      "left behind: descriptor");
  close(descriptor);
}

}  // namespace
}  // namespace shoal::test
