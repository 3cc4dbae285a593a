// SPDX-License-Identifier: Apache-2.0
// SQLite's loop: the first system call of a kind fails, then the second, … until one life of a pool
// has so few of them that none did. Each time its host must get a typed error or go on as if
// nothing had been, be able to use pools afterwards, and leave no descriptor and no process.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "conformance/start_methods.hpp"
#include "stress/call_failer.hpp"

namespace shoal::test {
namespace {

struct Kind {
  const char* name;
  std::vector<Call> calls;
  int error;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"memfd_create", {{SYS_memfd_create}}, EMFILE},
      {"socketpair", {{SYS_socketpair}}, EMFILE},
      {"eventfd", {{SYS_eventfd2}}, EMFILE},
      {"pipe", {{SYS_pipe2}}, EMFILE},
      {"epoll_create", {{SYS_epoll_create1}}, EMFILE},
      {"epoll_ctl", {{SYS_epoll_ctl}}, ENOSPC},
      {"pidfd_open", {{SYS_pidfd_open}}, EMFILE},
      {"fcntl_dup", {{SYS_fcntl, 1, F_DUPFD_CLOEXEC}}, EMFILE},
      {"ftruncate", {{SYS_ftruncate}}, ENOSPC},
      {"fallocate", {{SYS_fallocate}}, ENOSPC},
      {"clone", {{SYS_clone}, {SYS_clone3}, {SYS_fork}, {SYS_vfork}}, EAGAIN},
      {"mmap", {{SYS_mmap}}, ENOMEM},
      {"futex_waitv", {{SYS_futex_waitv}}, ENOSYS},
      {"pidfd_send_signal", {{SYS_pidfd_send_signal}}, ENOSYS},
  };
  return all;
}

class FailingCalls : public testing::TestWithParam<StartMethod> {
 protected:
  Life live(const Kind& kind, unsigned first, unsigned last) {
    return watch_life(name_of(GetParam()), descriptors_, {kind.calls, kind.error, first, last});
  }

  // What every life comes to, whatever failed in it.
  void check(const Life& life, const std::string& what) {
    EXPECT_FALSE(life.is_hung) << what << ": it hangs";
    EXPECT_FALSE(life.leaves_processes) << what << ": processes are left";
    EXPECT_TRUE(life.exit_code == 0 || life.exit_code == 3)
        << what << ": status " << life.exit_code << ", signal " << life.signal;
    EXPECT_TRUE(life.exit_code == 0 || life.failed > 0) << what << ": " << life.output;
    if (life.exit_code == 0 || life.exit_code == 3) {
      EXPECT_LE(std::atoi(life.output.c_str()), descriptors_) << what << ": " << life.output;
    }
  }

  void learn() {
    const Life quiet = live(kinds().front(), 0, 0);
    if (quiet.has_no_filter) GTEST_SKIP() << "this process may not watch system calls by seccomp";
    ASSERT_EQ(quiet.exit_code, 0);
    descriptors_ = std::atoi(quiet.output.c_str());
  }

  int descriptors_ = 0;
};

TEST_P(FailingCalls, OneAfterTheOtherGiveATypedErrorAndNoLeak) {
  learn();
  unsigned injections = 0;
  unsigned errors = 0;
  for (const Kind& kind : kinds()) {
    for (unsigned n = 1;; ++n) {
      const Life life = live(kind, n, n);
      check(life, std::string(kind.name) + " no. " + std::to_string(n));
      if (life.failed == 0 || HasFailure()) break;
      ++injections;
      errors += life.exit_code == 3 ? 1 : 0;
    }
  }
  std::printf("%s: %u system calls failed, one a life; %u of the lives saw an error\n",
              name_of(GetParam()).c_str(), injections, errors);
  EXPECT_GT(errors, 0U);
}

TEST_P(FailingCalls, ACallThatIsNeverThereGivesATypedErrorOrIsDoneWithout) {
  learn();
  for (const Kind& kind : kinds()) {
    check(live({kind.name, kind.calls, ENOSYS}, 1, ~0U), kind.name);
  }
}

TEST_P(FailingCalls, WaitingOnWordsIsDoneWithout) {
  learn();
  for (const Kind& kind : kinds()) {
    if (kind.name != std::string("futex_waitv")) continue;
    EXPECT_EQ(live(kind, 1, ~0U).exit_code, 0);
  }
}

SHOAL_FOR_EACH_START_METHOD(FailingCalls);

}  // namespace
}  // namespace shoal::test
