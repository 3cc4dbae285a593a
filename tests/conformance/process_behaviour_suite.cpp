// SPDX-License-Identifier: Apache-2.0
// What CPython's own suite asks of processes and contexts, where process_suite.cpp does not ask it
// already. The number at the end of a name: tests/README.md, "Behaviours".

#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <shoal/connection.hpp>
#include <shoal/logging.hpp>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "conformance/process_suite.hpp"
#include "conformance/running_program.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ProcessBehaviourSuite : public ProcessSuite {};

// Makes `method` the default while it lives.
class DefaultMethod {
 public:
  explicit DefaultMethod(StartMethod method) { set_start_method(method, true); }
  ~DefaultMethod() { set_start_method(StartMethod::forkserver, true); }
};

int run(Process process) {
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

void do_nothing() {}

void pause_for_ever() {
  for (;;) ::pause();
}

std::string describe_self() {
  const ProcessRef self = current_process();
  return std::string(self.is_alive() ? "alive" : "dead") + (self.daemon() ? " daemon" : " plain") +
         (self.pid() == ::getpid() ? " itself" : " another");
}

TEST_P(ProcessBehaviourSuite, CurrentProcessIsAliveAndItself_1) {
  EXPECT_EQ(describe_self(), "alive plain itself");
  Answer answer;
  EXPECT_EQ(run(context_.process([](const UniqueFd& mouth) { say(mouth, describe_self()); },
                                 answer.mouth().duplicate())),
            0);
  EXPECT_EQ(answer.all(), "alive plain itself");
}

// By default, on request, not on request.
std::string daemon_flags() {
  std::string flags;
  for (const std::optional<bool> wish :
       {std::optional<bool>(), std::optional(true), std::optional(false)}) {
    flags += Process({.daemon = wish}, do_nothing).daemon() ? 'd' : 'p';
  }
  return flags;
}

TEST_P(ProcessBehaviourSuite, DaemonFlagIsInheritedUnlessItIsGiven_4) {
  EXPECT_EQ(daemon_flags(), "pdp");
  for (const bool is_daemon : {false, true}) {
    Answer answer;
    EXPECT_EQ(run(context_.process(
                  {.daemon = is_daemon}, [](const UniqueFd& mouth) { say(mouth, daemon_flags()); },
                  answer.mouth().duplicate())),
              0);
    EXPECT_EQ(answer.all(), is_daemon ? "ddp" : "pdp");
  }
}

void watch_the_parent(const UniqueFd& mouth) {
  say(mouth, parent_process()->is_alive() ? "a" : "d");
  pause_for_ever();
}

TEST_P(ProcessBehaviourSuite, GrandchildSeesItsParentAliveAndGoesWithIt_6) {
  const DefaultMethod method(GetParam());
  Answer answer;
  Process middle = context_.process(
      [](const UniqueFd& mouth) {
        Process child(watch_the_parent, mouth.duplicate());
        child.start();
        child.join();
      },
      answer.mouth().duplicate());
  middle.start();
  EXPECT_EQ(answer.next(), 'a');
  middle.terminate();
  EXPECT_TRUE(middle.join());
  EXPECT_EQ(answer.next(), '\0');  // nobody is left to say that the parent is dead
}

TEST_P(ProcessBehaviourSuite, FirstThreadOfAChildIsItsOwn_8) {
  Answer answer;
  Process child =
      context_.process([](const UniqueFd& mouth) { say(mouth, std::to_string(::gettid())); },
                       answer.mouth().duplicate());
  child.start();
  EXPECT_TRUE(child.join());
  EXPECT_EQ(answer.all(), std::to_string(child.pid()));
  EXPECT_NE(child.pid(), ::gettid());
}

volatile sig_atomic_t is_interrupted = 0;

TEST_P(ProcessBehaviourSuite, InterruptMayBecomeAnException_12) {
  testing::internal::CaptureStderr();
  Answer answer;
  Process child = context_.process(
      [](const UniqueFd& mouth) {
        sigset_t interrupt;
        sigset_t before;
        ::sigemptyset(&interrupt);
        ::sigaddset(&interrupt, SIGINT);
        ::sigprocmask(SIG_BLOCK, &interrupt, &before);
        ::signal(SIGINT, [](int) { is_interrupted = 1; });
        say(mouth, "r");
        while (is_interrupted == 0) ::sigsuspend(&before);
        throw std::runtime_error("interrupted");
      },
      answer.mouth().duplicate());
  child.start();
  EXPECT_EQ(answer.next(), 'r');
  child.interrupt();
  child.join();
  const std::string trace = testing::internal::GetCapturedStderr();
  EXPECT_EQ(child.exitcode(), 1);
  EXPECT_NE(trace.find("interrupted"), std::string::npos) << trace;
}

TEST_P(ProcessBehaviourSuite, CpuCountIsTheSameInAChild_13) {
  EXPECT_GE(cpu_count(), 1U);
  Answer answer;
  EXPECT_EQ(
      run(context_.process([](const UniqueFd& mouth) { say(mouth, std::to_string(cpu_count())); },
                           answer.mouth().duplicate())),
      0);
  EXPECT_EQ(answer.all(), std::to_string(cpu_count()));
}

TEST_P(ProcessBehaviourSuite, DetachedThreadsDoNotHoldUpTheEnd_21) {
  EXPECT_EQ(run(context_.process([] { std::thread(pause_for_ever).detach(); })), 0);
}

TEST_P(ProcessBehaviourSuite, JoinedThreadsAreWaitedFor_21) {
  Answer answer;
  EXPECT_EQ(run(context_.process(
                [](const UniqueFd& mouth) {
                  const std::jthread speaker([&mouth] {
                    std::this_thread::sleep_for(20ms);  // long enough to be overtaken
                    say(mouth, "x");
                  });
                },
                answer.mouth().duplicate())),
            0);
  EXPECT_EQ(answer.all(), "x");
}

// What is written to it is lost, and said to be.
class BrokenBuffer : public std::streambuf {
  int overflow(int) override { return traits_type::eof(); }
  int sync() override { return -1; }
};

// Lets std::cout throw at each flush, while it lives.
class BrokenOutput {
 public:
  BrokenOutput() : before_(std::cout.rdbuf(&buffer_)) { std::cout.exceptions(std::ios::badbit); }
  ~BrokenOutput() {
    std::cout.exceptions(std::ios::goodbit);
    std::cout.rdbuf(before_);
  }

 private:
  BrokenBuffer buffer_;
  std::streambuf* before_;
};

TEST_P(ProcessBehaviourSuite, BrokenStreamIsNoFailure_22) {
  EXPECT_EQ(run(context_.process([] { static_cast<void>(new BrokenOutput()); })), 0);
  const BrokenOutput broken;
  EXPECT_EQ(run(context_.process(do_nothing)), 0);
}

TEST_P(ProcessBehaviourSuite, ClosedOutputOfTheParentIsNoFailure_22) {
  std::fflush(stdout);
  const UniqueFd saved(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100));
  ::close(STDOUT_FILENO);
  const int code = run(context_.process([] { std::fputs("lost", stdout); }));
  ::dup2(saved.get(), STDOUT_FILENO);
  EXPECT_EQ(code, 0);
}

// What a process passes on to its children.
void say_settings(const UniqueFd& mouth) {
  const char* colour = std::getenv("SHOAL_TEST_COLOUR");
  say(mouth, name_of(get_start_method()) + ' ' + (colour == nullptr ? "none" : colour) + ' ' +
                 std::to_string(static_cast<int>(base::log_level())));
}

TEST_P(ProcessBehaviourSuite, GrandchildHasTheSettingsOfItsFamily_27) {
  const DefaultMethod method(GetParam());
  base::set_log_level(LogLevel::error);
  Answer answer;
  const int code = run(context_.process(
      {.environment = {{"SHOAL_TEST_COLOUR", "green"}}},
      [](const UniqueFd& mouth) { std::exit(run(Process(say_settings, mouth.duplicate()))); },
      answer.mouth().duplicate()));
  base::set_log_level(LogLevel::warn);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(answer.all(),
            name_of(GetParam()) + " green " + std::to_string(static_cast<int>(LogLevel::error)));
}

void count_generations(const UniqueFd& mouth, int depth) {
  say(mouth, std::to_string(active_children().size()));
  if (depth > 0) std::exit(run(Process(count_generations, mouth.duplicate(), depth - 1)));
}

TEST_P(ProcessBehaviourSuite, EachGenerationBeginsWithoutChildren_29) {
  const DefaultMethod method(GetParam());
  Process sibling = context_.process(pause_for_ever);
  sibling.start();
  Answer answer;
  EXPECT_EQ(run(context_.process(count_generations, answer.mouth().duplicate(), 3)), 0);
  EXPECT_EQ(answer.all(), "0000");
}

int set_by_the_parent = 0;

TEST_P(ProcessBehaviourSuite, ContextKeepsItsMethodWhateverTheDefaultIs_155) {
  set_by_the_parent = 1;
  for (const StartMethod other : get_all_start_methods()) {
    const DefaultMethod method(other);
    EXPECT_EQ(context_.get_start_method(), GetParam());
    Answer answer;
    EXPECT_EQ(run(context_.process(
                  [](const UniqueFd& mouth) {
                    say(mouth, set_by_the_parent == 1 ? "a copy of " : "afresh from ");
                    say(mouth, ::getppid() == parent_process()->pid() ? "it" : "another");
                  },
                  answer.mouth().duplicate())),
              0);
    EXPECT_EQ(answer.all(), GetParam() == StartMethod::fork    ? "a copy of it"
                            : GetParam() == StartMethod::spawn ? "afresh from it"
                                                               : "afresh from another");
  }
}

TEST_P(ProcessBehaviourSuite, MethodsAreListedInTheirOrder_157) {
  const std::vector expected{StartMethod::fork, StartMethod::spawn, StartMethod::forkserver};
  EXPECT_EQ(get_all_start_methods(), expected);
  EXPECT_EQ(
      run(context_.process([] {
        std::exit(get_all_start_methods() == std::vector{StartMethod::fork, StartMethod::spawn,
                                                         StartMethod::forkserver}
                      ? 0
                      : 1);
      })),
      0);
}

void forward(const Connection& line, int depth) {
  if (depth == 0) return line.send(std::string("from far below"));
  std::exit(run(Process(forward, line, depth - 1)));
}

TEST_P(ProcessBehaviourSuite, ChildForwardsItsChannelToAChildOfItsOwn_160) {
  const DefaultMethod method(GetParam());
  auto [here, there] = pipe(Duplex::no);
  EXPECT_EQ(run(context_.process(forward, std::move(there), 2)), 0);
  EXPECT_EQ(here.recv<std::string>(), "from far below");
}

TEST_P(ProcessBehaviourSuite, LoggersLevelIsInherited_162) {
  for (const LogLevel level : {LogLevel::trace, LogLevel::critical}) {
    base::set_log_level(level);
    Answer answer;
    const int code = run(context_.process(
        [](const UniqueFd& mouth) {
          say(mouth, std::to_string(static_cast<int>(base::log_level())));
        },
        answer.mouth().duplicate()));
    base::set_log_level(LogLevel::warn);
    EXPECT_EQ(code, 0);
    EXPECT_EQ(answer.all(), std::to_string(static_cast<int>(level)));
  }
}

SHOAL_FOR_EACH_START_METHOD(ProcessBehaviourSuite);

// Children of the other methods, too: what those keep for good is there before the leak guard.
class EveryMethodSuite : public ProcessSuite {
 protected:
  void SetUp() override {
    for (const StartMethod method : get_all_start_methods())
      run(get_context(method).process([] {}));
    ProcessSuite::SetUp();
  }
};

TEST_P(EveryMethodSuite, ChannelServesChildrenOfEveryMethod_159) {
  if (kIsForkRefused) GTEST_SKIP() << "fork is refused beside the sanitizer's own thread";
  auto [here, there] = pipe();
  for (const StartMethod method : get_all_start_methods()) {
    EXPECT_EQ(run(get_context(method).process([](const Connection& line) { line.send(7); }, there)),
              0);
  }
  EXPECT_EQ(run(context_.process([](const Connection& line) { line.send(8); }, std::move(there))),
            0);
  for (const int expected : {7, 7, 7, 8}) EXPECT_EQ(here.recv<int>(), expected);
}

SHOAL_FOR_EACH_START_METHOD(EveryMethodSuite);

// Another program than this one, by name.
class OtherProgramSuite : public testing::TestWithParam<StartMethod> {};

TEST_P(OtherProgramSuite, ProgramWhoseFileIsGoneStartsChildren_2) {
  const std::filesystem::path programs(SHOAL_TEST_PROGRAMS);
  const std::string name = "vanished_" + name_of(GetParam()) + std::to_string(::getpid());
  std::filesystem::copy_file(programs / "vanishing_host", programs / name);
  RunningProgram host(name, {name_of(GetParam())});
  EXPECT_EQ(host.all(), "exitcode 4\n");
  EXPECT_EQ(host.wait(), 0);
  EXPECT_FALSE(std::filesystem::remove(programs / name));
}

SHOAL_FOR_EACH_START_METHOD(OtherProgramSuite);

}  // namespace
}  // namespace shoal::test
