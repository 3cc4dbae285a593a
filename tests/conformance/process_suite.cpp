// SPDX-License-Identifier: Apache-2.0
#include "conformance/process_suite.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <shoal/error.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

// ---- what the children do ----

void do_nothing() {}

void wait_for_a_signal(const UniqueFd& mouth) {
  say(mouth, "r");
  for (;;) ::pause();
}

void exit_with(int status) { std::exit(status); }

void say_arguments(const UniqueFd& mouth, int number, const std::string& text,
                   const std::vector<int>& list, const std::tuple<int, std::string>& pair) {
  std::string seen = std::to_string(number) + ' ' + text;
  for (const int element : list) seen += ' ' + std::to_string(element);
  say(mouth, seen + ' ' + std::to_string(std::get<0>(pair)) + ' ' + std::get<1>(pair));
}

void say_who_i_am(const UniqueFd& mouth) {
  const ProcessRef self = current_process();
  const std::optional<ProcessRef> parent = parent_process();
  say(mouth, self.name() + ' ' + std::to_string(self.pid() == ::getpid()) + ' ' +
                 (self.daemon() ? "daemon" : "plain") + ' ' + parent->name() + ' ' +
                 std::to_string(parent->pid()) + ' ' + (parent->is_alive() ? "alive" : "dead"));
}

void start_two_children(const UniqueFd& mouth, int depth) {
  say(mouth, std::to_string(depth));
  if (depth == 0) return;
  for (int i = 0; i < 2; ++i) {
    Process child(start_two_children, mouth.duplicate(), depth - 1);
    child.start();
    child.join();
    if (child.exitcode() != 0) std::exit(8);
  }
}

void throw_nested() {
  try {
    throw std::out_of_range("the cause");
  } catch (...) {
    std::throw_with_nested(std::invalid_argument("the effect"));
  }
}

void start_a_grandchild(const UniqueFd& mouth) {
  Process child(do_nothing);
  try {
    child.start();
    say(mouth, "started");
  } catch (const StartError& error) {
    say(mouth, error.what());
  }
}

bool is_readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) == 1;
}

// A running child, which has said so.
Process start_waiting(const Context& context) {
  Answer answer;
  Process child = context.process(wait_for_a_signal, answer.mouth().duplicate());
  child.start();
  EXPECT_EQ(answer.next(), 'r');
  return child;
}

int run(Process process) {
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

// ---- what must hold ----

TEST_P(ProcessSuite, ArgumentsArriveAsTheyWereGiven_3) {
  Answer answer;
  EXPECT_EQ(run(context_.process(say_arguments, answer.mouth().duplicate(), -7, "seven",
                                 std::vector{1, 2, 3}, std::tuple(9, std::string("nine")))),
            0);
  EXPECT_EQ(answer.all(), "-7 seven 1 2 3 9 nine");
}

TEST_P(ProcessSuite, ArgumentsLargerThanAMessageArrive) {
  Answer answer;
  const std::string large(3 << 20, 'x');
  auto count = [](const UniqueFd& mouth, const std::string& text) {
    say(mouth, std::to_string(std::count(text.begin(), text.end(), 'x')));
  };
  EXPECT_EQ(run(context_.process(count, answer.mouth().duplicate(), large)), 0);
  EXPECT_EQ(answer.all(), std::to_string(large.size()));
}

TEST_P(ProcessSuite, ChildKnowsItselfAndItsParent_5_7) {
  EXPECT_FALSE(parent_process());  // of this one
  Answer answer;
  EXPECT_EQ(run(context_.process({.name = "Iris", .daemon = true}, say_who_i_am,
                                 answer.mouth().duplicate())),
            0);
  EXPECT_EQ(answer.all(), "Iris 1 daemon MainProcess " + std::to_string(::getpid()) + " alive");
}

TEST_P(ProcessSuite, IsNotAliveBeforeItsStartNorAfterItsEnd_7) {
  Process child = context_.process(do_nothing);
  EXPECT_FALSE(child.is_alive());
  EXPECT_EQ(child.exitcode(), std::nullopt);
  EXPECT_FALSE(child.daemon());
  EXPECT_TRUE(child.name().starts_with("Process-"));
  child.start();
  EXPECT_TRUE(child.join());
  EXPECT_FALSE(child.is_alive());
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_GT(child.pid(), 0);
}

TEST_P(ProcessSuite, ActiveChildrenAreThoseThatRun_7_14) {
  EXPECT_TRUE(active_children().empty());
  const Process unstarted = context_.process(do_nothing);
  EXPECT_TRUE(active_children().empty());
  Process running = start_waiting(context_);
  running.set_name("renamed");
  ASSERT_EQ(active_children().size(), 1U);
  const ProcessRef child = active_children().front();
  EXPECT_EQ(child.pid(), running.pid());
  EXPECT_EQ(child.name(), "renamed");
  EXPECT_TRUE(child.is_alive());
  child.kill();
  EXPECT_TRUE(child.join());
  EXPECT_EQ(running.exitcode(), -SIGKILL);
  EXPECT_TRUE(active_children().empty());
}

TEST_P(ProcessSuite, JoinOfNoTimeOnlyLooks_9) {
  Process child = start_waiting(context_);
  EXPECT_FALSE(child.join(0s));
  EXPECT_FALSE(child.join(-1s));
  EXPECT_TRUE(child.is_alive());
}

TEST_P(ProcessSuite, JoinGivesUpAtItsTimeOut) {
  Process child = start_waiting(context_);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(child.join(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST_P(ProcessSuite, JoinMayBeRepeated_11) {
  Process child = context_.process(do_nothing);
  child.start();
  EXPECT_TRUE(child.join());
  EXPECT_TRUE(child.join());
  EXPECT_TRUE(child.join(0s));
}

volatile sig_atomic_t interruptions = 0;

TEST_P(ProcessSuite, JoinSurvivesSignals_31) {
  struct sigaction old {};
  struct sigaction action {};
  action.sa_handler = [](int) { interruptions = interruptions + 1; };
  ::sigaction(SIGALRM, &action, &old);
  const itimerval often{{0, 1000}, {0, 1000}};
  Answer answer;
  Process child = context_.process(
      [](const UniqueFd& mouth) {
        ::usleep(100'000);  // long enough for some alarms; nothing depends on how many
        say(mouth, "x");
      },
      answer.mouth().duplicate());
  ::setitimer(ITIMER_REAL, &often, nullptr);
  child.start();
  EXPECT_TRUE(child.join());
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_GT(interruptions, 0);
}

TEST_P(ProcessSuite, ExitcodeIsTheStatusOfExit_26) {
  EXPECT_EQ(run(context_.process(exit_with, 0)), 0);
  EXPECT_EQ(run(context_.process(exit_with, 8)), 8);
  EXPECT_EQ(run(context_.process(exit_with, true)), 1);
  EXPECT_EQ(run(context_.process(exit_with, 256 + 8)), 8);  // what wait(2) keeps of it
  EXPECT_EQ(run(context_.process([] { ::_exit(3); })), 3);
  EXPECT_EQ(run(context_.process([] { return 5; })), 0);
}

TEST_P(ProcessSuite, ExitcodeIsMinusTheSignal) {
  EXPECT_EQ(run(context_.process([] { std::abort(); })), -SIGABRT);
  EXPECT_EQ(run(context_.process([] { ::raise(SIGKILL); })), -SIGKILL);
}

TEST_P(ProcessSuite, SignalsEndTheChild_10) {
  Process interrupted = start_waiting(context_);
  interrupted.interrupt();
  interrupted.join();
  EXPECT_EQ(interrupted.exitcode(), -SIGINT);
  Process terminated = start_waiting(context_);
  terminated.terminate();
  terminated.join();
  EXPECT_EQ(terminated.exitcode(), -SIGTERM);
  Process killed = start_waiting(context_);
  killed.kill();
  killed.join();
  EXPECT_EQ(killed.exitcode(), -SIGKILL);
  EXPECT_NO_THROW(killed.terminate());
}

TEST_P(ProcessSuite, SignalRightAfterStartIsNotLost) {
  for (int round = 0; round < 20; ++round) {
    Process child = context_.process([] {
      for (;;) ::pause();
    });
    child.start();
    child.terminate();
    child.join();
    EXPECT_EQ(child.exitcode(), -SIGTERM);
  }
}

TEST_P(ProcessSuite, SentinelIsReadableOnceItHasEnded_16) {
  Process child = start_waiting(context_);
  EXPECT_FALSE(is_readable(child.sentinel()));
  child.kill();
  child.join();
  EXPECT_TRUE(is_readable(child.sentinel()));
}

TEST_P(ProcessSuite, NothingWorksBeforeTheStartThatNeedsAChild_16) {
  Process child = context_.process(do_nothing);
  EXPECT_THROW(child.join(), std::logic_error);
  EXPECT_THROW(child.pid(), std::logic_error);
  EXPECT_THROW(child.sentinel(), std::logic_error);
  EXPECT_THROW(child.terminate(), std::logic_error);
}

TEST_P(ProcessSuite, StartsOnlyOnce) {
  Process child = context_.process(do_nothing);
  child.start();
  EXPECT_THROW(child.start(), std::logic_error);
  child.join();
  EXPECT_THROW(child.start(), std::logic_error);
}

TEST_P(ProcessSuite, CloseNeedsTheEndAndIsFinal_17) {
  Process child = start_waiting(context_);
  EXPECT_THROW(child.close(), std::logic_error);
  child.kill();
  child.join();
  child.close();
  child.close();
  EXPECT_THROW(child.is_alive(), ClosedError);
  EXPECT_THROW(child.join(), ClosedError);
  EXPECT_THROW(child.exitcode(), ClosedError);
  EXPECT_THROW(child.terminate(), ClosedError);
  EXPECT_THROW(child.name(), ClosedError);
}

TEST_P(ProcessSuite, DestructionEndsTheChild) {
  std::optional<ProcessRef> child;
  {
    const Process running = start_waiting(context_);
    child = active_children().front();
  }
  EXPECT_FALSE(child->is_alive());
}

TEST_P(ProcessSuite, OverwritingEndsTheOldChild) {
  Process first = start_waiting(context_);
  const ProcessRef old = active_children().front();
  Process second = start_waiting(context_);
  const int pid = second.pid();
  first = std::move(second);
  EXPECT_FALSE(old.is_alive());
  EXPECT_EQ(first.pid(), pid);
  EXPECT_THROW(second.join(), std::logic_error);  // NOLINT(bugprone-use-after-move)
}

TEST_P(ProcessSuite, DestructionEndsAChildThatIgnoresSigterm) {
  Answer answer;
  Process child = context_.process(
      [](const UniqueFd& mouth) {
        ::signal(SIGTERM, SIG_IGN);
        wait_for_a_signal(mouth);
      },
      answer.mouth().duplicate());
  child.start();
  ASSERT_EQ(answer.next(), 'r');
  const ProcessRef ref = active_children().front();
  child = context_.process(do_nothing);
  EXPECT_FALSE(ref.is_alive());
}

TEST_P(ProcessSuite, ChildrenStartChildren_15) {
  set_start_method(GetParam(), true);
  Answer answer;
  EXPECT_EQ(run(context_.process(start_two_children, answer.mouth().duplicate(), 2)), 0);
  EXPECT_EQ(answer.all(), "2100100");
  set_start_method(StartMethod::forkserver, true);
}

TEST_P(ProcessSuite, ChildInheritsTheDefaultMethodAndCountsItsOwnChildren_156) {
  set_start_method(GetParam(), true);
  Answer answer;
  Process child = context_.process(
      [](const UniqueFd& mouth) {
        const Process grandchild(do_nothing);
        say(mouth, name_of(get_start_method()) + ' ' + grandchild.name());
      },
      answer.mouth().duplicate());
  const std::string name = child.name();
  EXPECT_EQ(run(std::move(child)), 0);
  EXPECT_EQ(answer.all(), name_of(GetParam()) + ' ' + name + ":1");
  set_start_method(StartMethod::forkserver, true);
}

TEST_P(ProcessSuite, DaemonicProcessMayNotStartChildren) {
  Answer answer;
  EXPECT_EQ(run(context_.process({.name = "Daisy", .daemon = true}, start_a_grandchild,
                                 answer.mouth().duplicate())),
            0);
  EXPECT_EQ(answer.all(), "\"Daisy\" is a daemonic process, which may not start children");
}

TEST_P(ProcessSuite, EnvironmentIsSetInTheChildAlone) {
  Answer answer;
  EXPECT_EQ(run(context_.process(
                {.environment = {{"SHOAL_TEST_COLOUR", "green"}}},
                [](const UniqueFd& mouth) {
                  const char* colour = std::getenv("SHOAL_TEST_COLOUR");
                  say(mouth, colour == nullptr ? "none" : colour);
                },
                answer.mouth().duplicate())),
            0);
  EXPECT_EQ(answer.all(), "green");
  EXPECT_EQ(std::getenv("SHOAL_TEST_COLOUR"), nullptr);
}

TEST_P(ProcessSuite, UncaughtExceptionLeavesItsTraceOnStderr_25) {
  testing::internal::CaptureStderr();
  Process child = context_.process({.name = "Ursula"}, throw_nested);
  child.start();
  child.join();
  const std::string trace = testing::internal::GetCapturedStderr();
  EXPECT_EQ(child.exitcode(), 1);
  EXPECT_NE(trace.find("Process Ursula (pid " + std::to_string(child.pid()) +
                       "): uncaught std::invalid_argument: the effect"),
            std::string::npos)
      << trace;
  EXPECT_NE(trace.find("std::out_of_range: the cause"), std::string::npos) << trace;
}

TEST_P(ProcessSuite, OutputIsFlushedBeforeTheEnd) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run(context_.process([] {
              std::fputs("printed ", stdout);
              std::exit(4);
            })),
            4);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "printed ");
}

TEST_P(ProcessSuite, OutputWrittenBeforeTheStartIsWrittenOnce) {
  testing::internal::CaptureStdout();
  std::fputs("before ", stdout);
  EXPECT_EQ(run(context_.process([] { std::fputs("child ", stdout); })), 0);
  std::fputs("after", stdout);
  const std::string output = testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::count(output.begin(), output.end(), 'b'), 1) << output;
}

TEST_P(ProcessSuite, ClosedOutputIsNoFailure_22) {
  EXPECT_EQ(run(context_.process([] {
              std::fputs("lost", stdout);
              ::close(STDOUT_FILENO);
              ::close(STDERR_FILENO);
            })),
            0);
}

TEST_P(ProcessSuite, HundredShortProcessesEndWell_18) {
  for (int round = 0; round < 10; ++round) {
    std::vector<Process> children;
    for (int i = 0; i < 10; ++i) children.push_back(context_.process(do_nothing));
    for (Process& child : children) child.start();
    for (Process& child : children) child.join();
    for (Process& child : children) EXPECT_EQ(child.exitcode(), 0);
  }
}

TEST_P(ProcessSuite, ManyWaitingProcessesAreTerminated_18) {
  std::vector<Process> children;
  const int count = GetParam() == StartMethod::spawn ? 30 : 100;
  for (int i = 0; i < count; ++i) children.push_back(start_waiting(context_));
  for (Process& child : children) child.terminate();
  for (Process& child : children) child.join();
  for (Process& child : children) EXPECT_EQ(child.exitcode(), -SIGTERM);
}

TEST_P(ProcessSuite, ArgumentsAreReleasedOnceStarted_19) {
  Answer answer;
  Process child = context_.process(wait_for_a_signal, answer.mouth().duplicate());
  child.start();
  ASSERT_EQ(answer.next(), 'r');
  child.kill();
  EXPECT_EQ(answer.next(), '\0');  // no end of file while the parent held a copy
}

TEST_P(ProcessSuite, ForkedCopyOfAProcessObjectDoesNothing) {
  Process child = start_waiting(context_);
  const int raw = ::fork();
  if (raw == 0) {
    bool has_thrown = false;
    try {
      child.is_alive();
    } catch (const std::logic_error&) {
      has_thrown = true;
    }
    { const Process ended(std::move(child)); }
    ::_exit(has_thrown ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(raw, &status, 0), raw);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(child.is_alive());
}

SHOAL_FOR_EACH_START_METHOD(ProcessSuite);

}  // namespace
}  // namespace shoal::test
