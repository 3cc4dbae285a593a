// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "os/after_fork.hpp"
#include "os/child.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/host.hpp"
#include "os/memfd.hpp"
#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "support/leak_guard.hpp"

namespace shoal::os {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

ExitStatus wait_for(const ChildProcess& child) {
  EXPECT_TRUE(wait_readable(child.sentinel.get(), base::Deadline::never()));
  const Result<std::optional<ExitStatus>> status = reap(child.sentinel.get());
  EXPECT_TRUE(status && *status);
  return status ? status->value_or(ExitStatus{-1, 0, false}) : ExitStatus{-1, 0, false};
}

Launch shell(std::string script) {
  Launch launch;
  launch.path = "/bin/sh";
  launch.arguments = {"sh", "-c", std::move(script)};
  launch.environment = environment();
  return launch;
}

TEST(FdTest, ADuplicateIsCloseOnExec) {
  const Result<Fd> copy = duplicate(STDERR_FILENO);
  ASSERT_TRUE(copy);
  EXPECT_NE(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(duplicate(-1));
}

TEST(FdTest, AHighDuplicateIsNearTheLimit) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const Result<Fd> copy = duplicate_high(STDERR_FILENO);
  ASSERT_TRUE(copy);
  EXPECT_GE(static_cast<rlim_t>(copy->get()), std::min<rlim_t>(limit.rlim_cur, 1 << 16) - 16);
}

TEST(FdTest, DescriptorsAreBornAboveTheStandardStreams) {
  const Result<Fd> kept = duplicate(STDIN_FILENO);
  ASSERT_TRUE(kept);
  ::close(STDIN_FILENO);  // as some daemons do
  const Result<Bell> bell = create_bell();
  const Result<Fd> event = create_event();
  const Result<Fd> file = create_shared_file("test", 1);
  auto ends = create_socket_pair(SocketKind::bytes);
  const Result<Fd> null = open_file("/dev/null", O_RDONLY);
  const Result<Fd> sentinel = open_sentinel(process_id());
  ::dup2(kept->get(), STDIN_FILENO);
  ASSERT_TRUE(bell && event && file && ends && null && sentinel);
  const std::vector<const Fd*> born{&bell->ear,   &bell->button, &*event, &*file,
                                    &ends->first, &ends->second, &*null,  &*sentinel};
  for (const Fd* fd : born) {
    EXPECT_GT(fd->get(), STDERR_FILENO);
  }
}

TEST(FdTest, AFailureNamesPathAndReason) {
  const Result<std::string> text = read_text("/nowhere/at/all");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().to_string(), "open(\"/nowhere/at/all\"): No such file or directory");
}

TEST(MemfdTest, ASealedFileKeepsItsSize) {
  const Result<Fd> file = create_shared_file("test", 4096);
  ASSERT_TRUE(file);
  EXPECT_FALSE(is_sealed(file->get(), false));
  ASSERT_TRUE(seal(file->get(), Writers::those_who_map_it));
  EXPECT_TRUE(is_sealed(file->get(), false));
  EXPECT_FALSE(is_sealed(file->get(), true));
  EXPECT_NE(::ftruncate(file->get(), 0), 0);
  EXPECT_NE(::ftruncate(file->get(), 8192), 0);
}

TEST(MemfdTest, ASealedPayloadNeverChanges) {
  const Result<Fd> file = make_sealed_file("test", bytes_of("for ever"));
  ASSERT_TRUE(file);
  EXPECT_TRUE(is_sealed(file->get(), true));
  EXPECT_EQ(*file_size(file->get()), 8U);
  EXPECT_LT(::write(file->get(), "x", 1), 0);
}

TEST(MemfdTest, FilesOnDiskAndStreamsAreNotSealed) {
  EXPECT_FALSE(is_sealed(STDERR_FILENO, false));
  EXPECT_FALSE(is_sealed(-1, false));
}

TEST(BellTest, RingsUntilItIsSilenced) {
  const Result<Bell> bell = create_bell();
  ASSERT_TRUE(bell);
  EXPECT_FALSE(*wait_readable(bell->ear.get(), base::Deadline::now()));
  EXPECT_TRUE(ring(bell->button.get()));
  EXPECT_TRUE(ring(bell->button.get()));
  EXPECT_TRUE(*wait_readable(bell->ear.get(), base::Deadline::never()));
  EXPECT_TRUE(silence(bell->ear.get()));
  EXPECT_FALSE(silence(bell->ear.get()));
  EXPECT_FALSE(ring(-1));
}

TEST(BellTest, RingingNeverBlocks) {
  const Result<Bell> bell = create_bell();
  ASSERT_TRUE(bell);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(ring(bell->button.get()));
}

TEST(BellTest, WhatIsDoneToTheButtonDoesNotReachTheEar) {
  const Result<Bell> bell = create_bell();
  ASSERT_TRUE(bell);
  ::fcntl(bell->button.get(), F_SETFL, 0);  // as a hostile holder of the button would
  EXPECT_FALSE(silence(bell->ear.get()));   // would block
}

TEST(WaitReadableTest, TellsWhichAndRefusesWhatIsNotOpen) {
  const Result<Bell> quiet = create_bell();
  const Result<Bell> loud = create_bell();
  ASSERT_TRUE(quiet && loud);
  ring(loud->button.get());
  const std::array fds{quiet->ear.get(), loud->ear.get()};
  EXPECT_EQ(*wait_readable(fds, base::Deadline::never()), std::vector<std::size_t>{1});
  EXPECT_TRUE(wait_readable(std::span(fds).first(1), base::Deadline::in(5ms))->empty());
  EXPECT_FALSE(wait_readable(12345, base::Deadline::now()));
}

TEST(PollerTest, GivesTheKeysOfWhatIsReady) {
  Result<Poller> poller = Poller::create();
  const Result<Bell> bell = create_bell();
  ASSERT_TRUE(poller && bell);
  ASSERT_TRUE(poller->add(bell->ear.get(), 77));
  EXPECT_TRUE(poller->wait(base::Deadline::in(1ms))->empty());
  ring(bell->button.get());
  EXPECT_EQ(*poller->wait(base::Deadline::never()), std::vector<std::uint64_t>{77});
  poller->remove(bell->ear.get());
  EXPECT_TRUE(poller->wait(base::Deadline::now())->empty());
}

TEST(PollerTest, CanWatchForTheEndAlone) {
  Result<Poller> poller = Poller::create();
  auto ends = create_socket_pair(SocketKind::messages);
  ASSERT_TRUE(poller && ends);
  auto& [here, there] = *ends;
  ASSERT_TRUE(poller->add(here.get(), 5));
  poller->watch_for_end(here.get(), 6);
  ASSERT_TRUE(send_message(there.get(), bytes_of("noise"), {}, Wait::yes));
  EXPECT_TRUE(poller->wait(base::Deadline::in(1ms))->empty());
  there.reset();
  EXPECT_EQ(*poller->wait(base::Deadline::never()), std::vector<std::uint64_t>{6});
}

TEST(SocketTest, DescriptorsRideAlongCloseOnExec) {
  auto ends = create_socket_pair(SocketKind::messages);
  ASSERT_TRUE(ends);
  auto& [here, there] = *ends;
  const std::array fds{STDERR_FILENO, STDERR_FILENO};
  ASSERT_TRUE(send_message(here.get(), bytes_of("two"), fds, Wait::yes));
  std::array<std::byte, 16> buffer;
  const Result<Message> message = receive_message(there.get(), buffer, Wait::yes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->size, 3U);
  ASSERT_EQ(message->fds.size(), 2U);
  EXPECT_NE(::fcntl(message->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SocketTest, AMessageLongerThanTheBufferIsCut) {
  auto ends = create_socket_pair(SocketKind::messages);
  ASSERT_TRUE(ends);
  ASSERT_TRUE(send_message(ends->first.get(), bytes_of("too long"), {}, Wait::yes));
  std::array<std::byte, 3> buffer;
  EXPECT_TRUE(receive_message(ends->second.get(), buffer, Wait::yes)->is_cut);
}

TEST(SocketTest, DescriptorsThatDoNotFitAreReportedAndClosed) {
  auto ends = create_socket_pair(SocketKind::messages);
  ASSERT_TRUE(ends);
  const std::array fds{STDERR_FILENO, STDERR_FILENO};
  ASSERT_TRUE(send_message(ends->first.get(), bytes_of("x"), fds, Wait::yes));
  const test::LeakGuard guard;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit low = limit;
  low.rlim_cur = static_cast<rlim_t>(ends->second.get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::array<std::byte, 16> buffer;
  const Result<Message> message = receive_message(ends->second.get(), buffer, Wait::yes);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_cut);
}

TEST(SocketTest, APeerThatIsGoneIsAnErrorAndNoSignal) {
  auto ends = create_socket_pair(SocketKind::messages);
  ASSERT_TRUE(ends);
  ends->second.reset();
  const Result<void> sent = send_message(ends->first.get(), bytes_of("x"), {}, Wait::yes);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().error, EPIPE);
  std::array<std::byte, 4> buffer;
  EXPECT_EQ(receive_message(ends->first.get(), buffer, Wait::yes)->size, 0U);
}

TEST(LaunchTest, RunsAProgramAndTellsHowItEnded) {
  const test::LeakGuard guard;
  const Result<ChildProcess> exited = launch(shell("exit 7"));
  ASSERT_TRUE(exited);
  EXPECT_EQ(wait_for(*exited).exitcode(), 7);
  const Result<ChildProcess> killed = launch(shell("kill -TERM $$"));
  ASSERT_TRUE(killed);
  EXPECT_EQ(wait_for(*killed).exitcode(), -SIGTERM);
}

TEST(LaunchTest, AnExecThatFailsIsThisCallsFailure) {
  const test::LeakGuard guard;
  Launch missing = shell("");
  missing.path = "/nowhere/program";
  const Result<ChildProcess> child = launch(missing);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().error, ENOENT);
  EXPECT_EQ(child.error().to_string(), "execve(\"/nowhere/program\"): No such file or directory");
}

TEST(LaunchTest, PassesOneDescriptorAsNumberThreeAndNoOther) {
  const Result<Fd> stray(Fd(::dup(STDERR_FILENO)));  // not close-on-exec
  auto ends = create_socket_pair(SocketKind::bytes);
  ASSERT_TRUE(ends);
  Launch child =
      shell("for n in $(seq 0 60); do [ -e /proc/$$/fd/$n ] && printf '%s ' $n >&3; done");
  child.passed_fd = ends->second.get();
  const Result<ChildProcess> started = launch(child);
  ASSERT_TRUE(started);
  ends->second.reset();
  wait_for(*started);
  std::array<std::byte, 256> buffer;
  const Result<std::size_t> count = read_some(ends->first.get(), buffer);
  ASSERT_TRUE(count);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(buffer.data()), *count), "0 1 2 3 ");
}

TEST(LaunchTest, SignalActionsAndMaskAreTheDefaults) {
  ::signal(SIGTERM, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const Result<ChildProcess> child = launch(shell("kill -TERM $$; exit 1"));
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ::signal(SIGTERM, SIG_DFL);
  ASSERT_TRUE(child);
  EXPECT_EQ(wait_for(*child).exitcode(), -SIGTERM);
}

TEST(SentinelTest, SignalsReachTheProcessUntilItHasEnded) {
  const Result<ChildProcess> child = launch(shell("exec sleep 1000"));
  ASSERT_TRUE(child);
  EXPECT_FALSE(has_ended(child->sentinel.get()));
  EXPECT_EQ(*reap(child->sentinel.get()), std::nullopt);
  ASSERT_TRUE(send_signal(child->sentinel.get(), SIGKILL));
  EXPECT_EQ(wait_for(*child).exitcode(), -SIGKILL);
  const Result<void> late = send_signal(child->sentinel.get(), SIGKILL);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().error, ESRCH);
}

TEST(SentinelTest, TheKernelRecallsHowAReapedProcessEnded) {
  const Result<ChildProcess> child = launch(shell("exit 9"));
  ASSERT_TRUE(child);
  ASSERT_EQ(::waitpid(child->pid, nullptr, 0), child->pid);  // the host was faster
  EXPECT_EQ(reap(child->sentinel.get()).error().error, ECHILD);
  const std::optional<ExitStatus> status = recall_exit(child->sentinel.get());
  if (status) {  // Linux 6.15 and later
    EXPECT_EQ(status->exitcode(), 9);
  }
}

TEST(AfterForkTest, ClosesAllButThePassList) {
  const Result<Fd> first = duplicate(STDERR_FILENO);
  const Result<Fd> kept = duplicate(STDERR_FILENO);
  const Result<Fd> last = duplicate_high(STDERR_FILENO);
  ASSERT_TRUE(first && kept && last);
  const Result<ChildProcess> child = fork_process();
  ASSERT_TRUE(child);
  if (child->pid == 0) {
    after_fork::close_all_but(std::array{kept->get()});
    const bool right = is_open(kept->get()) && !is_open(first->get()) && !is_open(last->get()) &&
                       is_open(STDERR_FILENO);
    after_fork::exit_now(right ? 0 : 1);
  }
  EXPECT_EQ(wait_for(*child).exitcode(), 0);
}

TEST(AfterForkTest, AChildFollowsItsParentOnlyWhileItIsThere) {
  const int own = process_id();
  const Result<ChildProcess> child = fork_process();
  ASSERT_TRUE(child);
  if (child->pid == 0) {
    const bool right =
        after_fork::follow_parent(own, SIGKILL) && !after_fork::follow_parent(own + 1, SIGKILL);
    after_fork::exit_now(right ? 0 : 1);
  }
  EXPECT_EQ(wait_for(*child).exitcode(), 0);
}

TEST(ForkGenerationTest, EveryForkCounts) {
  const std::uint32_t here = fork_generation();
  const Result<ChildProcess> child = fork_process();
  ASSERT_TRUE(child);
  if (child->pid == 0) after_fork::exit_now(fork_generation() == here + 1 ? 0 : 1);
  EXPECT_EQ(wait_for(*child).exitcode(), 0);
  EXPECT_EQ(fork_generation(), here);
}

TEST(HostTest, UsableCpusFollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(usable_cpus(), 1U);
  EXPECT_LE(usable_cpus(), static_cast<unsigned>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cpus(), 1U);
  ::sched_setaffinity(0, sizeof before, &before);
}

TEST(HostTest, ListsThreadsByName) {
  std::atomic<bool> is_over{false};
  std::atomic<bool> is_named{false};
  std::thread other([&] {
    name_thread("os-test-other");
    is_named = true;
    is_named.notify_one();
    is_over.wait(false);
  });
  is_named.wait(false);
  const std::vector<Thread> threads = list_threads();
  is_over = true;
  is_over.notify_one();
  other.join();
  EXPECT_TRUE(std::ranges::any_of(
      threads, [](const Thread& thread) { return thread.name == "os-test-other"; }));
  EXPECT_TRUE(std::ranges::any_of(threads, [](const Thread& t) { return t.id == process_id(); }));
}

TEST(SignalTest, SignalsHaveNames) {
  EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(signal_name(40), "signal 40");
}

}  // namespace
}  // namespace shoal::os
