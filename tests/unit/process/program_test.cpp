// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "shoal/error.hpp"
#include "shoal/process.hpp"

namespace shoal {
namespace {

int run(Process program) {
  program.start();
  program.join();
  return program.exitcode().value_or(-1000);
}

TEST(ProgramTest, ExitcodeIsTheProgramsOwn) {
  EXPECT_EQ(run(Process::program("/bin/sh", {"-c", "exit 5"})), 5);
  EXPECT_EQ(run(Process::program("/bin/sh", {"-c", "kill -TERM $$"})), -SIGTERM);
}

TEST(ProgramTest, NameWithoutSlashIsFoundInPath) {
  EXPECT_EQ(run(Process::program("true")), 0);
  EXPECT_EQ(run(Process::program("false")), 1);
}

TEST(ProgramTest, MissingProgramIsNamed) {
  for (const std::string path : {"/no/such/program", "no-such-program-anywhere"}) {
    Process program = Process::program(path);
    try {
      program.start();
      ADD_FAILURE() << path << " was started";
    } catch (const StartError& error) {
      EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
    EXPECT_FALSE(program.is_alive());
  }
}

TEST(ProgramTest, FileThatIsNoProgramIsRefused) {
  Process program = Process::program("/etc/passwd");
  EXPECT_THROW(program.start(), StartError);
}

TEST(ProgramTest, EnvironmentIsTheCallersWithChanges) {
  ::setenv("SHOAL_TEST_KEPT", "kept", 1);
  ::setenv("SHOAL_TEST_CHANGED", "old", 1);
  EXPECT_EQ(run(Process::program(
                "sh", {"-c", "test \"$SHOAL_TEST_KEPT $SHOAL_TEST_CHANGED\" = 'kept new'"},
                {.environment = {{"SHOAL_TEST_CHANGED", "new"}}})),
            0);
}

TEST(ProgramTest, InheritsStandardStreamsAndNothingElse) {
  const int stray = ::dup(STDERR_FILENO);  // not close-on-exec
  const std::string look =
      "test -e /proc/self/fd/1 && ! test -e /proc/$$/fd/" + std::to_string(stray);
  EXPECT_EQ(run(Process::program("sh", {"-c", look})), 0);
  ::close(stray);
}

TEST(ProgramTest, StartsWithNoSignalBlockedOrIgnored) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(run(Process::program("sh", {"-c",
                                        "grep -q '^SigBlk:.0*$' /proc/self/status && "
                                        "grep -q '^SigIgn:.0*$' /proc/self/status"})),
            0);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST(ProgramTest, HasTheMembersOfAnyProcess) {
  Process program = Process::program("sleep", {"1000"}, {.name = "Sleepy", .daemon = true});
  program.start();
  EXPECT_TRUE(program.is_alive());
  EXPECT_EQ(program.name(), "Sleepy");
  EXPECT_TRUE(program.daemon());
  ASSERT_EQ(active_children().size(), 1U);
  EXPECT_EQ(active_children().front().pid(), program.pid());
  pollfd polled{program.sentinel(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  program.terminate();
  EXPECT_TRUE(program.join());
  EXPECT_EQ(program.exitcode(), -SIGTERM);
  program.close();
}

TEST(ProgramTest, DestructionEndsIt) {
  {
    Process program = Process::program("sleep", {"1000"});
    program.start();
  }
  EXPECT_TRUE(active_children().empty());
}

}  // namespace
}  // namespace shoal
