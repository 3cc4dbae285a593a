// SPDX-License-Identifier: Apache-2.0
// Confinement on systems that lack what it is made of: a filter plays the older kernel, in a forked
// child, for it cannot be lifted again.

#include "process/confinement.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "conformance/forbidden_things.hpp"
#include "os/limits.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

constexpr unsigned kLandlockCreateRuleset = 444;

// Has the system call `number` fail with `error` in this process from now on.
void take_away(unsigned number, unsigned error) {
  std::array<sock_filter, 4> steps{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  sock_fprog filter{steps.size(), steps.data()};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) ::_exit(99);
}

// What `body` gives in a forked child that lacks the call.
template <class F>
std::string without(unsigned number, unsigned error, F body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    take_away(number, error);
    const std::string text = body();
    ::_exit(::write(ends[1], text.data(), text.size()) < 0 ? 98 : 0);
  }
  ::close(ends[1]);
  std::string text;
  for (char character = '\0'; ::read(ends[0], &character, 1) == 1;) text += character;
  ::close(ends[0]);
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  EXPECT_EQ(status, 0);
  return text;
}

template <class Error, class F>
std::string what_of(F body) {
  try {
    body();
    return "nothing was thrown";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ConfinementTest, StrictWithoutSeccompIsAStartErrorNamingTheOption) {
  const std::string text = without(SYS_seccomp, ENOSYS, [] {
    return what_of<StartError>([] {
      require_confinement({{}, Sandbox::strict}, "PoolOptions", "cannot start a pool");
    });
  });
  EXPECT_TRUE(text.starts_with("cannot start a pool: PoolOptions::sandbox is Sandbox::strict"))
      << text;
}

TEST(ConfinementTest, OnlyStrictAsksForSeccomp) {
  const std::string text = without(SYS_seccomp, ENOSYS, [] {
    return what_of<StartError>([] {
      require_confinement({{}, Sandbox::no_new_privs}, "PoolOptions", "");
    });
  });
  EXPECT_EQ(text, "nothing was thrown");
}

TEST(ConfinementTest, StrictRefusesTheSameWithoutLandlock) {
  const std::string text = without(kLandlockCreateRuleset, ENOSYS, [] {
    apply_sandbox(Sandbox::strict, "PoolOptions");
    return test::not_refused() + "done";
  });
  EXPECT_EQ(text, "done");
}

TEST(ConfinementTest, WhatCannotBeAppliedIsAnErrorNamingTheOption) {
  const std::string text = without(SYS_prlimit64, EPERM, [] {
    return what_of<ResourceError>([] { apply_limits({.open_files = 100}, "PoolOptions"); });
  });
  EXPECT_TRUE(text.starts_with("PoolOptions::limits.open_files cannot be applied: setrlimit("))
      << text;
  const std::string sandbox = without(SYS_seccomp, EPERM, [] {
    return what_of<ResourceError>([] { apply_sandbox(Sandbox::strict, "ProcessOptions"); });
  });
  EXPECT_TRUE(sandbox.starts_with("ProcessOptions::sandbox cannot be applied: seccomp("))
      << sandbox;
}

TEST(ConfinementTest, CpuTimeOfAProcessIsRoundedUpToSeconds) {
  const std::vector<os::Bound> bounds = program_bounds({.cpu_time = std::chrono::milliseconds(1)});
  ASSERT_EQ(bounds.size(), 1U);
  EXPECT_EQ(bounds[0].value, 1U);
  EXPECT_TRUE(program_bounds({}).empty());
}

}  // namespace
}  // namespace shoal::process
