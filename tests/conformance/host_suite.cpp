// SPDX-License-Identifier: Apache-2.0
// What a pool owes a host that is not what libraries hope for; the hosts are
// tests/programs/odd_host.cpp.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "conformance/running_program.hpp"
#include "conformance/start_methods.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

class OddHostSuite : public testing::TestWithParam<StartMethod> {
 protected:
  // What the host prints; that it ends, and everybody whom it started, is what `all` waits for.
  static std::string run(const std::string& oddity) {
    RunningProgram host("odd_host", {oddity, name_of(GetParam())});
    const std::string output = host.all();
    EXPECT_EQ(host.wait(), 0) << output;
    return output;
  }

  static std::string run_preloaded(const std::string& library) {
    ::setenv("ODD_LIBRARY", library.c_str(), 1);
    ::setenv("LD_PRELOAD", library.c_str(), 1);
    RunningProgram host("odd_host", {"preloaded", name_of(GetParam())});
    ::unsetenv("LD_PRELOAD");
    const std::string output = host.all();
    EXPECT_EQ(host.wait(), 0) << output;
    return output;
  }

  static std::string built(const std::string& library) {
    return std::string(SHOAL_TEST_PROGRAMS) + '/' + library;
  }
};

TEST_P(OddHostSuite, ThatIgnoresSigchldIsServed) { EXPECT_EQ(run("ignoring"), "worked\n"); }

TEST_P(OddHostSuite, WhoseThreadReapsEverythingIsServed) { EXPECT_EQ(run("reaping"), "worked\n"); }

TEST_P(OddHostSuite, WithManyBusyThreadsIsServedUnlessItAsksForAFork) {
  const std::string output = run("busy");
  if (GetParam() == StartMethod::fork) {
    EXPECT_TRUE(output.starts_with("refused: ")) << output;
    EXPECT_NE(output.find("thread"), std::string::npos) << output;
  } else {
    EXPECT_EQ(output, "worked\n");
  }
}

TEST_P(OddHostSuite, WithManyBusyThreadsMayForkIfItSaysSo) {
  EXPECT_EQ(run("busy_fork"), "worked\n");
}

TEST_P(OddHostSuite, WithSixtyFourDescriptorsIsServed) {
  EXPECT_EQ(run("few_descriptors"), "worked\n");
}

TEST_P(OddHostSuite, ThatMayStartTooFewProcessesIsToldSo) {
  if (kIsSanitized) GTEST_SKIP() << "LeakSanitizer starts a process of its own at the end";
  for (int limit = 1; limit <= 10; ++limit) {
    ::setenv("ODD_LIMIT", std::to_string(limit).c_str(), 1);
    const std::string output = run("few_processes");
    EXPECT_TRUE(output == "worked\n" || output.starts_with("refused: ")) << limit << ": " << output;
    if (limit == 1) {
      EXPECT_NE(output, "worked\n");
    }
  }
}

TEST_P(OddHostSuite, WhoseForkHandlersAbortIsServedWithoutAFork) {
  if (GetParam() == StartMethod::fork) {
    RunningProgram host("odd_host", {"forbids_forks", name_of(GetParam())});
    EXPECT_EQ(host.all(), "");
    EXPECT_TRUE(WIFSIGNALED(host.wait()));  // as with any fork of its own
  } else {
    EXPECT_EQ(run("forbids_forks"), "worked\n");
  }
}

TEST_P(OddHostSuite, ThatIgnoresAndBlocksEverySignalIsServedAndLeftAsItIs) {
  EXPECT_EQ(run("deaf"), "worked\n");
}

TEST_P(OddHostSuite, ThatIsInterruptedAllTheTimeIsServed) {
  EXPECT_EQ(run("interrupted"), "worked\n");
}

TEST_P(OddHostSuite, WhoseThreadsComeAndGoKeepsItsWorkers) {
  const std::string output = run("short_threads");
  if (GetParam() == StartMethod::fork) {  // where main goes on, and would be missing in a copy
    EXPECT_TRUE(output.starts_with("refused: ")) << output;
  } else {
    EXPECT_EQ(output, "worked\n");
  }
}

TEST_P(OddHostSuite, ThatStandsStillLosesNothing) {
  RunningProgram host("odd_host", {"standing_still", name_of(GetParam())});
  int status = 0;
  ASSERT_EQ(::waitpid(host.pid(), &status, WUNTRACED), host.pid());
  ASSERT_TRUE(WIFSTOPPED(status)) << status;
  ::usleep(500'000);  // longer than its tasks may run
  ::kill(host.pid(), SIGCONT);
  EXPECT_EQ(host.all(), "worked\n");
  EXPECT_EQ(host.wait(), 0);
}

TEST_P(OddHostSuite, WhoseWorkersChangeTheirUserTakesThemAlong) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  // The kernel then forgets to kill them with their parent. A fork server does so itself; without
  // one they leave when they find their parent gone, after what they run.
  const bool has_server = GetParam() != StartMethod::spawn;
  RunningProgram host("killed_pool_host",
                      {has_server ? "other_user" : "other_user_idle", name_of(GetParam())});
  ASSERT_EQ(host.line(), "ready");
  const std::vector<UniqueFd> family = watch(descendants_of(host.pid()));
  EXPECT_GE(family.size(), 4U);
  host.kill();
  host.wait();
  await_ends(family);
}

TEST_P(OddHostSuite, WhoseSharedMemoryFolderIsFullIsServed) {
  const std::string output = run("full_shm");
  if (output == "not allowed\n") GTEST_SKIP() << "no mount namespace may be made here";
  EXPECT_EQ(output, "worked\n");
}

TEST_P(OddHostSuite, WithoutProcFilesIsServedOrRefused) {
  if (kIsSanitized) GTEST_SKIP() << "LeakSanitizer reads /proc at the end";
  const std::string output = run("no_proc");
  if (output == "not allowed\n") GTEST_SKIP() << "no mount namespace may be made here";
  EXPECT_TRUE(output == "worked\n" || output.starts_with("refused: ")) << output;
}

TEST_P(OddHostSuite, WhoseKernelIsOlderIsServedOrRefused) {
  for (const long call :
       {SYS_clone3, SYS_pidfd_open, SYS_memfd_create, SYS_close_range, SYS_execveat,
        SYS_futex_waitv, SYS_landlock_create_ruleset, SYS_timer_create}) {
    for (const int error : {ENOSYS, EPERM}) {
      ::setenv("ODD_CALL", std::to_string(call).c_str(), 1);
      ::setenv("ODD_ERROR", std::to_string(error).c_str(), 1);
      const std::string output = run("denied_call");
      EXPECT_TRUE(output == "worked\n" || output.starts_with("refused: "))
          << "call " << call << ", error " << error << ": " << output;
    }
  }
}

TEST_P(OddHostSuite, WhoseClockJumpsByYearsIsServed) {
  SHOAL_SKIP_IF_PRELOAD_IS_REFUSED();
  EXPECT_EQ(run_preloaded(built("jumping_clock.so")), "worked\n");
}

TEST_P(OddHostSuite, WhoseCloseIsInterruptedClosesOnce) {
  SHOAL_SKIP_IF_PRELOAD_IS_REFUSED();
  EXPECT_EQ(run_preloaded(built("interrupted_close.so")), "worked\n");
}

TEST_P(OddHostSuite, WithAnotherAllocatorIsServed) {
  SHOAL_SKIP_IF_PRELOAD_IS_REFUSED();
  if (std::string(SHOAL_OTHER_ALLOCATOR).empty()) GTEST_SKIP() << "libjemalloc2 is not installed";
  EXPECT_EQ(run_preloaded(SHOAL_OTHER_ALLOCATOR), "worked\n");
}

SHOAL_FOR_EACH_START_METHOD(OddHostSuite);

}  // namespace
}  // namespace shoal::test
