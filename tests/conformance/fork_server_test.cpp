// SPDX-License-Identifier: Apache-2.0
// The life of the fork server, as its users notice it.

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "conformance/process_suite.hpp"
#include "conformance/running_program.hpp"

namespace shoal::test {
namespace {

int run(Process process) {
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

// This process's fork server; 0 if there is none.
int server_pid() {
  for (const int pid : descendants_of(::getpid())) {
    if (comm_of(pid) == "shoal-server") return pid;
  }
  return 0;
}

Process start_waiting() {
  Answer answer;
  Process child = get_context(StartMethod::forkserver)
                      .process(
                          [](const UniqueFd& mouth) {
                            say(mouth, "r");
                            for (;;) ::pause();
                          },
                          answer.mouth().duplicate());
  child.start();
  EXPECT_EQ(answer.next(), 'r');
  return child;
}

TEST(ForkServerTest, IsReplacedWhenKilledAndItsChildrenGoWithIt_23) {
  Process victim = start_waiting();
  const int first = server_pid();
  ASSERT_NE(first, 0);
  ::kill(first, SIGKILL);
  EXPECT_EQ(run(get_context(StartMethod::forkserver).process([] { std::exit(4); })), 4);
  EXPECT_NE(server_pid(), first);
  victim.join();
  const int code = victim.exitcode().value_or(-1000);
  EXPECT_TRUE(code == -SIGKILL || code == 255) << code;
}

TEST(ForkServerTest, AnEndIsKnownAlthoughTheServerIsLateToTellOfIt) {
  Process child = start_waiting();
  const int server = server_pid();
  ::kill(server, SIGSTOP);
  child.kill();
  std::thread lateness([server] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(server, SIGCONT);
  });
  child.join();
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  lateness.join();
}

TEST(ForkServerTest, SurvivesWhatIsSentToWholeGroups_23) {
  EXPECT_EQ(run(get_context(StartMethod::forkserver).process([] {})), 0);
  const int server = server_pid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) ::kill(server, signal);
  EXPECT_EQ(run(get_context(StartMethod::forkserver).process([] { std::exit(4); })), 4);
  EXPECT_EQ(server_pid(), server);
}

TEST(ForkServerTest, IsOneForAllAndGrowsNoDescriptors) {
  const Process sibling = start_waiting();
  const int server = server_pid();
  const auto count = [&] {
    int found = 0;
    const std::string folder = "/proc/" + std::to_string(server) + "/fd";
    for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator(folder)) ++found;
    return found;
  };
  // Once it has reported an end, it is done with the start that went before.
  EXPECT_EQ(run(get_context(StartMethod::forkserver).process([] {})), 0);
  const int before = count();
  const Process other = start_waiting();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(run(get_context(StartMethod::forkserver).process([] {})), 0);
  EXPECT_EQ(server_pid(), server);
  EXPECT_EQ(count(), before);
}

TEST(ForkServerTest, SweepsOrphansOfItsChildrenWithTheParent) {
  RunningProgram parent("orphan_maker", {"forkserver"});
  const int orphan = std::stoi(parent.line());
  pollfd polled{static_cast<int>(::syscall(SYS_pidfd_open, orphan, 0)), POLLIN, 0};
  ASSERT_GE(polled.fd, 0);
  const UniqueFd sentinel(polled.fd);
  parent.kill();
  parent.wait();
  while (::poll(&polled, 1, -1) < 0) {
  }
  EXPECT_NE(polled.revents & POLLIN, 0);
}

}  // namespace
}  // namespace shoal::test
