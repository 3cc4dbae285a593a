// SPDX-License-Identifier: Apache-2.0
// set_forkserver_preload, each time in a host of its own: its fork server is there once a process.

#include <gtest/gtest.h>

#include <string>

#include "conformance/running_program.hpp"
#include "conformance/start_methods.hpp"

namespace shoal::test {
namespace {

std::string output_of(const std::string& mode, StartMethod method = StartMethod::forkserver) {
  RunningProgram host("preloading_host", {mode, name_of(method)});
  std::string text = host.all();
  EXPECT_EQ(host.wait(), 0);
  return text;
}

const std::string kFailed =
    "the fork server was not started: the function given to set_forkserver_preload ";

TEST(ForkserverPreloadTest, IsSharedByEveryChildAndRunsOnce) {
  EXPECT_EQ(output_of("loads"), "loading\nchild 0\nchild 0\nworker 0\nhost 0\nended\n");
}

TEST(ForkserverPreloadTest, RunsAgainInTheServerThatReplacesADeadOne) {
  EXPECT_EQ(output_of("restarts"), "loading\nchild 0\nloading\nchild 0\nended\n");
}

TEST(ForkserverPreloadTest, AnExceptionIsTheStartErrorOfWhoNeedsTheServer) {
  const std::string what =
      kFailed + "threw std::runtime_error: no model\n  caused by std::out_of_range: no such file\n";
  EXPECT_EQ(output_of("throws"), what + what + "left 0\nloading\nchild 0\nended\n");
}

TEST(ForkserverPreloadTest, AnExitIsTheStartError) {
  EXPECT_EQ(output_of("exits"), kFailed + "ended its process with status 3\nended\n");
}

TEST(ForkserverPreloadTest, ACrashIsTheStartError) {
  EXPECT_EQ(output_of("crashes"), kFailed + "was ended by signal 11 (SIGSEGV)\nended\n");
}

TEST(ForkserverPreloadTest, ThreadsThatItLeavesAreTheStartError) {
  const std::string text = output_of("threads");
  EXPECT_TRUE(text.starts_with(kFailed + "left threads running (")) << text;
}

TEST(ForkserverPreloadTest, ComesTooLateOnceTheServerRuns) {
  const std::string text = output_of("late");
  EXPECT_TRUE(text.starts_with("child 1\nset_forkserver_preload: the fork server runs already"))
      << text;
}

TEST(ForkserverPreloadTest, CanBeTakenBack) {
  EXPECT_EQ(output_of("taken-back"), "child 1\nended\n");
}

class PreloadSuite : public testing::TestWithParam<StartMethod> {};

TEST_P(PreloadSuite, ServesTheForkServersChildrenAndDisturbsNoOther_158) {
  const std::string text = output_of("loads", GetParam());
  if (GetParam() == StartMethod::forkserver) {
    EXPECT_EQ(text, "loading\nchild 0\nchild 0\nworker 0\nhost 0\nended\n");
  } else {
    EXPECT_EQ(text, "child 1\nchild 1\nworker 1\nhost 0\nended\n");
  }
}

SHOAL_FOR_EACH_START_METHOD(PreloadSuite);

}  // namespace
}  // namespace shoal::test
