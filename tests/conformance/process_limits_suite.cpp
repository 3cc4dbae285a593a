// SPDX-License-Identifier: Apache-2.0
// What a process may use and what it is kept from.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <shoal/error.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/forbidden_things.hpp"
#include "conformance/process_suite.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ProcessLimitsSuite : public ProcessSuite {
 protected:
  template <class F, class... Args>
  int run(ProcessOptions options, F fn, Args&&... args) {
    return finish(context_.process(std::move(options), fn, std::forward<Args>(args)...));
  }
  static int finish(Process process) {
    process.start();
    process.join();
    return process.exitcode().value_or(-1000);
  }
};

rlimit limit_of(int resource) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  return limit;
}

// Exits with 0 if `bytes` can be had, with 3 if not.
void exit_by_memory(std::size_t bytes) {
  try {
    const std::vector<char> memory(bytes, 'x');
    std::exit(memory.back() == 'x' ? 0 : 4);
  } catch (const std::bad_alloc&) {
    std::exit(3);
  }
}

// The handlers that sanitizers set are not ours to meet.
void compute_for_ever() {
  ::signal(SIGXCPU, SIG_DFL);
  for (std::atomic<unsigned> n = 0;;) ++n;
}

TEST_P(ProcessLimitsSuite, MemoryBeyondTheLimitIsBadAlloc) {
  SHOAL_SKIP_IF_SANITIZED();
  const Limits limits{.memory = 64 << 20};
  EXPECT_EQ(run({.limits = limits}, exit_by_memory, std::size_t{32} << 20), 0);
  EXPECT_EQ(run({.limits = limits}, exit_by_memory, std::size_t{128} << 20), 3);
  EXPECT_EQ(run({}, exit_by_memory, std::size_t{128} << 20), 0);
}

TEST_P(ProcessLimitsSuite, MemoryThatTheProcessHasAtItsStartIsNotCounted) {
  SHOAL_SKIP_IF_SANITIZED();
  const std::vector<char> ballast(128 << 20, 'x');  // a fork's copy has it, too
  EXPECT_EQ(run({.limits = {.memory = 64 << 20}}, exit_by_memory, std::size_t{32} << 20), 0);
  EXPECT_EQ(ballast.back(), 'x');
}

TEST_P(ProcessLimitsSuite, CpuTimeEndsTheProcessAfterWholeSeconds) {
  EXPECT_EQ(run({.limits = {.cpu_time = 200ms}}, compute_for_ever), -SIGXCPU);
  EXPECT_EQ(run({.limits = {.cpu_time = 1500ms}},
                [] { std::exit(static_cast<int>(limit_of(RLIMIT_CPU).rlim_cur)); }),
            2);
}

TEST_P(ProcessLimitsSuite, CpuTimeEndsAlsoWhoIgnoresTheSignal) {
  EXPECT_EQ(run({.limits = {.cpu_time = 1s}},
                [] {
                  ::signal(SIGXCPU, SIG_IGN);
                  for (std::atomic<unsigned> n = 0;;) ++n;
                }),
            -SIGKILL);
}

TEST_P(ProcessLimitsSuite, OpenFilesAreBounded) {
  EXPECT_EQ(run({.limits = {.open_files = 40}},
                [] {
                  int last = 0;
                  for (int fd = 0; fd >= 0; fd = ::open("/dev/null", O_RDONLY)) last = fd;
                  const bool was_bounded = errno == EMFILE;
                  for (int fd = last - 1; fd <= last; ++fd) ::close(fd);  // a sanitizer needs two
                  std::exit(was_bounded ? last : 1);
                }),
            39);
}

TEST_P(ProcessLimitsSuite, LargerFilesAreNotWritten) {
  EXPECT_EQ(run({.limits = {.file_size = 1000}},
                [] {
                  std::array<char, 32> name{"/tmp/shoal-limit-XXXXXX"};
                  const int file = ::mkstemp(name.data());
                  ::unlink(name.data());
                  const std::string text(800, 'x');
                  if (::write(file, text.data(), text.size()) != 800) std::exit(1);
                  if (::write(file, text.data(), text.size()) != 200) std::exit(2);
                  if (::write(file, text.data(), text.size()) != -1) std::exit(3);
                  std::exit(errno == EFBIG ? 0 : 4);
                }),
            0);
}

std::vector<rlim_t> all_limits() {
  std::vector<rlim_t> limits;
  for (const int resource : {RLIMIT_DATA, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_FSIZE}) {
    limits.push_back(limit_of(resource).rlim_cur);
    limits.push_back(limit_of(resource).rlim_max);
  }
  return limits;
}

TEST_P(ProcessLimitsSuite, NothingIsBoundedUnlessItIsSaid) {
  auto compare = [](const std::vector<rlim_t>& parents, int privileges) {
    const bool is_alike =
        all_limits() == parents && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == privileges;
    std::exit(is_alike ? 0 : 1);
  };
  EXPECT_EQ(run({}, compare, all_limits(), ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)), 0);
}

TEST_P(ProcessLimitsSuite, StrictRefusesEveryForbiddenThing) {
  Answer answer;
  EXPECT_EQ(run(
                {.sandbox = Sandbox::strict},
                [](const UniqueFd& mouth) { say(mouth, not_refused() + "done"); },
                answer.mouth().duplicate()),
            0);
  EXPECT_EQ(answer.all(), "done");
}

TEST_P(ProcessLimitsSuite, NothingIsRefusedWithoutASandbox) {
  Answer answer;
  EXPECT_EQ(run(
                {}, [](const UniqueFd& mouth) { say(mouth, refused() + "done"); },
                answer.mouth().duplicate()),
            0);
  EXPECT_EQ(answer.all(), "done");
}

TEST_P(ProcessLimitsSuite, NoNewPrivsIsInherited) {
  EXPECT_EQ(run({.sandbox = Sandbox::no_new_privs},
                [] { std::exit(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); }),
            1);
}

TEST_P(ProcessLimitsSuite, AStrictProcessReportsItsUncaughtException) {
  EXPECT_EQ(run({.sandbox = Sandbox::strict}, [] { throw std::runtime_error("as intended"); }), 1);
}

SHOAL_FOR_EACH_START_METHOD(ProcessLimitsSuite);

class ProgramLimitsTest : public testing::Test {
 protected:
  static int run(const std::string& script, ProcessOptions options) {
    Process program = Process::program("sh", {"-c", script}, std::move(options));
    program.start();
    program.join();
    return program.exitcode().value_or(-1000);
  }
};

TEST_F(ProgramLimitsTest, HoldFromTheFirstInstruction) {
  const Limits limits{.cpu_time = 1500ms, .open_files = 40, .file_size = 10240};
  EXPECT_EQ(
      run("test $(ulimit -t) = 2 -a $(ulimit -n) = 40 -a $(ulimit -f) = 20", {.limits = limits}),
      0);
  EXPECT_EQ(run("while :; do :; done", {.limits = {.cpu_time = 100ms}}), -SIGXCPU);
}

TEST_F(ProgramLimitsTest, MemoryIsAllThatTheProgramHas) {
  EXPECT_EQ(run("test $(ulimit -d) = 65536", {.limits = {.memory = 64 << 20}}), 0);
}

TEST_F(ProgramLimitsTest, NoNewPrivsHoldsInTheProgram) {
  EXPECT_EQ(run("grep -q 'NoNewPrivs:.*1' /proc/self/status", {.sandbox = Sandbox::no_new_privs}),
            0);
  EXPECT_EQ(run("grep -q 'NoNewPrivs:.*0' /proc/self/status", {}), 0);
}

TEST_F(ProgramLimitsTest, StrictIsRefusedByName) {
  try {
    run("true", {.sandbox = Sandbox::strict});
    FAIL() << "a program was executed in a sandbox that executes none";
  } catch (const std::invalid_argument& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("ProcessOptions::sandbox")) << error.what();
  }
}

TEST_F(ProgramLimitsTest, MoreFilesThanMayBeSetIsAStartError) {
  EXPECT_THROW(run("true", {.limits = {.open_files = 2'000'000'000}}), StartError);
}

}  // namespace
}  // namespace shoal::test
