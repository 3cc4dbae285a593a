// SPDX-License-Identifier: Apache-2.0
// What the pool floor builds on: children with a control socket, from every kind of source.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <future>
#include <memory>
#include <shoal/codec.hpp>
#include <shoal/error.hpp>
#include <string>
#include <thread>
#include <vector>

#include "conformance/running_program.hpp"
#include "os/socket.hpp"
#include "process/source.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

using process::Child;
using process::ChildContext;
using process::ChildSpec;
using process::Source;
using process::SourceUse;

struct Kind {
  const char* name;
  StartMethod method;
  SourceUse use;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

std::string print_kind(const testing::TestParamInfo<Kind>& info) { return info.param.name; }

constexpr Kind kParked{"fork_pool", StartMethod::fork, SourceUse::pool};

// Sends back what it is sent, and ends with the number its payload says once the line is cut.
int echo_until_cut(ChildContext& context) {
  Reader payload = context.payload();
  const int code = payload.get<int>();
  std::array<std::byte, 64> buffer;
  for (;;) {
    const auto message = os::receive_message(context.control.get(), buffer, os::Wait::yes);
    if (!message || message->size == 0) return code;
    const auto bytes = std::span(buffer).first(message->size);
    if (!os::send_message(context.control.get(), bytes, {}, os::Wait::yes)) return 99;
  }
}

ChildSpec echo_spec(int code) {
  ChildSpec spec;
  spec.name = "echo";
  spec.entry = echo_until_cut;
  spec.payload.put(code);
  return spec;
}

// Sends one byte there and back.
bool answers(const os::Fd& control) {
  std::array<std::byte, 1> byte{std::byte{42}};
  if (!os::send_message(control.get(), byte, {}, os::Wait::yes)) return false;
  byte[0] = std::byte{0};
  const auto reply = os::receive_message(control.get(), byte, os::Wait::yes);
  return reply && reply->size == 1 && byte[0] == std::byte{42};
}

class SourceSuite : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    open()->start(echo_spec(0))->end(Duration::zero());  // starts what lives on: spawner, server
    guard_ = std::make_unique<LeakGuard>();
  }
  void TearDown() override { guard_.reset(); }

  static std::shared_ptr<Source> open() {
    return process::open_source(GetParam().method, GetParam().use);
  }

 private:
  std::unique_ptr<LeakGuard> guard_;
};

// A fork of the caller itself is refused while it runs threads; these are not.
class ThreadedSourceSuite : public SourceSuite {};

TEST_P(SourceSuite, ChildSpeaksOverItsControlSocketAndEndsAsItSays) {
  const auto child = open()->start(echo_spec(7));
  os::Fd control = child->take_control();
  EXPECT_FALSE(child->take_control());
  EXPECT_TRUE(answers(control));
  EXPECT_FALSE(child->has_ended());
  control.reset();
  const auto status = child->exit_status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exitcode(), 7);
}

TEST_P(SourceSuite, EveryCallerLearnsTheSameStatus) {
  const auto child = open()->start(echo_spec(5));
  child->take_control();
  std::vector<std::future<int>> codes;
  for (int i = 0; i < 4; ++i) {
    codes.push_back(std::async(
        std::launch::async, [&] { return child->exit_status().value_or(os::ExitStatus{}).code; }));
  }
  for (auto& code : codes) EXPECT_EQ(code.get(), 5);
}

TEST_P(SourceSuite, SignalsKill) {
  const auto child = open()->start(echo_spec(0));
  EXPECT_TRUE(child->signal(SIGKILL));
  EXPECT_EQ(child->exit_status()->exitcode(), -SIGKILL);
  EXPECT_EQ(child->signal(SIGKILL).error().error, ESRCH);
}

TEST_P(ThreadedSourceSuite, ThreadsThatComeLaterAreNoHindrance) {
  const auto source = open();
  std::promise<void> end;
  std::thread later([ended = end.get_future()]() mutable { ended.wait(); });
  const auto child = source->start(echo_spec(0));
  EXPECT_TRUE(answers(child->take_control()));
  EXPECT_TRUE(child->exit_status());
  end.set_value();
  later.join();
}

TEST_P(ThreadedSourceSuite, ManyThreadsStartAtOnce) {
  const auto source = open();
  std::vector<std::future<bool>> results;
  for (int i = 0; i < 4; ++i) {
    results.push_back(std::async(std::launch::async, [&source] {
      bool is_well = true;
      for (int round = 0; round < 5; ++round) {
        const auto child = source->start(echo_spec(3));
        is_well = is_well && answers(child->take_control());
        is_well = is_well && child->exit_status()->exitcode() == 3;
      }
      return is_well;
    }));
  }
  for (auto& result : results) EXPECT_TRUE(result.get());
}

std::error_code code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StartError& thrown) {
    return thrown.code();
  }
}

TEST_P(SourceSuite, ShortageOfDescriptorsIsACleanError) {
  const auto source = open();
  // A sanitizer that meets a type for the first time needs descriptors to look at it: show it now.
  EXPECT_EQ(code_of(std::make_exception_ptr(StartError("shown"))), errc::start_failed);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int lowest_free = ::dup(STDERR_FILENO);
  ::close(lowest_free);
  for (rlim_t room = 0; room < 8; ++room) {
    const rlimit narrow{static_cast<rlim_t>(lowest_free) + room, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &narrow);
    std::shared_ptr<Child> child;
    std::exception_ptr shortage;
    try {
      child = source->start(echo_spec(0));
    } catch (const StartError&) {
      shortage = std::current_exception();
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (shortage) {
      EXPECT_EQ(code_of(shortage), std::errc::too_many_files_open);
    }
    if (child) child->end(Duration::zero());
  }
  const auto child = source->start(echo_spec(6));
  EXPECT_TRUE(answers(child->take_control()));
  EXPECT_EQ(child->exit_status()->exitcode(), 6);
}

constexpr Kind kForked{"fork", StartMethod::fork, SourceUse::processes};
constexpr Kind kSpawned{"spawn", StartMethod::spawn, SourceUse::pool};
constexpr Kind kServed{"forkserver", StartMethod::forkserver, SourceUse::pool};

INSTANTIATE_TEST_SUITE_P(, SourceSuite, testing::Values(kForked, kParked, kSpawned, kServed),
                         print_kind);
INSTANTIATE_TEST_SUITE_P(, ThreadedSourceSuite, testing::Values(kParked, kSpawned, kServed),
                         print_kind);

// ---- the parked copy ----

int parked_pid() {
  for (const int pid : descendants_of(::getpid())) {
    if (comm_of(pid) == "shoal-parked") return pid;
  }
  return 0;
}

int host_state = 1;

int tell_host_state(ChildContext&) { return host_state; }

TEST(ParkedSourceTest, ChildrenSeeTheHostAsItWasWhenItWasParked) {
  host_state = 11;
  const auto source = process::open_source(StartMethod::fork, SourceUse::pool);
  host_state = 22;
  ChildSpec spec;
  spec.name = "teller";
  spec.entry = tell_host_state;
  EXPECT_EQ(source->start(spec)->exit_status()->exitcode(), 11);
}

TEST(ParkedSourceTest, CopyHoldsNoneOfTheHostsDescriptors) {
  const UniqueFd stray(::open("/dev/zero", O_RDONLY));
  const auto source = process::open_source(StartMethod::fork, SourceUse::pool);
  source->start(echo_spec(0))->end(Duration::zero());  // by now the copy is what it will be
  std::error_code gone;
  const std::string folder = "/proc/" + std::to_string(parked_pid()) + "/fd";
  for (const auto& fd : std::filesystem::directory_iterator(folder)) {
    EXPECT_NE(std::filesystem::read_symlink(fd.path(), gone), "/dev/zero");
  }
}

TEST(ParkedSourceTest, CopyGoesWithItsLastHolder) {
  auto source = process::open_source(StartMethod::fork, SourceUse::pool);
  auto child = source->start(echo_spec(4));
  EXPECT_NE(parked_pid(), 0);
  source.reset();
  os::Fd control = child->take_control();
  EXPECT_TRUE(answers(control));  // the child is a holder
  control.reset();
  EXPECT_EQ(child->exit_status()->exitcode(), 4);
  child.reset();
  EXPECT_EQ(parked_pid(), 0);
}

TEST(ParkedSourceTest, DeadCopyIsAnErrorNotAFork) {
  const auto source = process::open_source(StartMethod::fork, SourceUse::pool);
  const auto child = source->start(echo_spec(4));
  ::kill(parked_pid(), SIGKILL);
  EXPECT_THROW(source->start(echo_spec(0)), StartError);
  const auto status = child->exit_status();  // it went with its parent
  EXPECT_TRUE(!status || status->exitcode() == -SIGKILL);
}

}  // namespace
}  // namespace shoal::test
