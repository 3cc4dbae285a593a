// SPDX-License-Identifier: Apache-2.0
// What must hold for every start method when the host is killed, ends, or is strange; the hosts are
// tests/programs.

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/process_suite.hpp"
#include "conformance/running_program.hpp"
#include "os/sentinel.hpp"

namespace shoal::test {
namespace {

class HostSuite : public testing::TestWithParam<StartMethod> {
 protected:
  std::string method() const { return name_of(GetParam()); }
};

TEST_P(HostSuite, NobodyOutlivesAKilledParent) {
  RunningProgram parent("killed_parent", {method()});
  ASSERT_EQ(parent.line(), "ready");
  const std::vector<int> family = descendants_of(parent.pid());
  EXPECT_GE(family.size(), 5U);
  const std::vector<UniqueFd> sentinels = watch(family);
  EXPECT_EQ(sentinels.size(), family.size());
  parent.kill();
  parent.wait();
  await_ends(sentinels);
}

TEST_P(HostSuite, NobodyOutlivesAKilledParentWhoseFamilyIsStopped) {
  RunningProgram parent("killed_parent", {method()});
  ASSERT_EQ(parent.line(), "ready");
  const std::vector<int> family = descendants_of(parent.pid());
  const std::vector<UniqueFd> sentinels = watch(family);
  for (const int pid : family) ::kill(pid, SIGSTOP);
  parent.kill();
  parent.wait();
  await_ends(sentinels);
}

TEST_P(HostSuite, HostThatIgnoresSigchldSeesTheEnd) {
  RunningProgram host("strange_host", {"ignore", method()});
  std::istringstream codes(host.all());
  int seen = 0;
  for (int exited = 0, killed = 0; codes >> exited >> killed; ++seen) {
    EXPECT_TRUE(exited == 3 || exited == 255) << exited;
    EXPECT_TRUE(killed == -9 || killed == 255) << killed;
    if (GetParam() == StartMethod::forkserver) {
      EXPECT_EQ(exited, 3);
    }
  }
  EXPECT_EQ(seen, 20);
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(HostSuite, HostThatReapsEverythingSeesTheEnd) {
  RunningProgram host("strange_host", {"reap", method()});
  std::istringstream codes(host.all());
  int seen = 0;
  for (int exited = 0, killed = 0; codes >> exited >> killed; ++seen) {
    EXPECT_TRUE(exited == 3 || exited == 255) << exited;
    EXPECT_TRUE(killed == -9 || killed == 255) << killed;
  }
  EXPECT_EQ(seen, 20);
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(HostSuite, HandlersAndDestructorsOfTheHostRunInTheHostAlone_161) {
  RunningProgram host("exiting_host", {method()});
  const std::string output = host.all();
  EXPECT_EQ(host.wait(), 0);
  EXPECT_TRUE(output.starts_with("exitcode 5\n")) << output;
  const auto count = [&](const std::string& line) {
    std::istringstream lines(output);
    int found = 0;
    for (std::string one; std::getline(lines, one);) found += one == line ? 1 : 0;
    return found;
  };
  EXPECT_EQ(count("exit handler"), 1) << output;
  EXPECT_EQ(count("static destructor"), 1) << output;
}

TEST_P(HostSuite, ExitJoinsChildrenAndEndsDaemons) {
  RunningProgram host("exiting_host", {method()});
  EXPECT_NE(host.all().find("worked\n"), std::string::npos);  // and that it ends at all
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(HostSuite, HostWithoutBootstrapGetsAnError_28) {
  RunningProgram host("unbootstrapped", {method()});
  const std::string output = host.all();
  EXPECT_EQ(host.wait(), 0);
  if (GetParam() == StartMethod::fork) {
    EXPECT_EQ(output, "main\nexitcode 0\n");
  } else {
    EXPECT_TRUE(output.starts_with("main\nStartError ")) << output;
    EXPECT_NE(output.find("shoal::bootstrap(argc, argv)"), std::string::npos) << output;
    EXPECT_EQ(output.find("main\n", 1), std::string::npos) << output;
  }
}

TEST(BootstrapTest, ChildMarkerWithoutAParentIsRefused) {
  RunningProgram impostor("killed_parent", {"--shoal-child=3"});
  EXPECT_EQ(impostor.all(), "");
  const int status = impostor.wait();  // StartError leaves main
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

SHOAL_FOR_EACH_START_METHOD(HostSuite);

}  // namespace
}  // namespace shoal::test
