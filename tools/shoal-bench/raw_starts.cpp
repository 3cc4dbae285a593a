// SPDX-License-Identifier: Apache-2.0
// S9's limits.
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <shoal/unique_fd.hpp>
#include <stdexcept>

#include "host.hpp"
#include "limits.hpp"
#include "starts.hpp"
#include "timing.hpp"

extern char** environ;

namespace bench {
namespace {

using Stamp = std::atomic<std::int64_t>;

std::size_t rounds(const Scale& scale) { return scale.pick<std::size_t>(100, 5); }

double milliseconds(std::int64_t from, std::int64_t to) {
  return static_cast<double>(to - from) / 1e6;
}

double raw_fork_ms(std::size_t count) {
  Shared<Stamp> stamp;
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t start = now_ns();
    RawChild child([&] { *stamp = now_ns(); });
    child.join();
    times.push_back(milliseconds(start, *stamp));
  }
  return median(times);
}

std::pair<shoal::UniqueFd, shoal::UniqueFd> make_sockets() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  return {shoal::UniqueFd(ends[0]), shoal::UniqueFd(ends[1])};
}

std::int64_t read_stamp(int fd) {
  std::int64_t stamp = 0;
  if (read(fd, &stamp, sizeof stamp) != sizeof stamp) throw std::runtime_error("no stamp came");
  return stamp;
}

double raw_spawn_ms(int reader, int writer) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer, STDOUT_FILENO);
  char program[] = "/proc/self/exe";
  char flag[] = "--stamp";
  char* arguments[] = {program, flag, nullptr};
  pid_t child = -1;
  const std::int64_t start = now_ns();
  const int error = posix_spawn(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
  const double result = milliseconds(start, read_stamp(reader));
  waitpid(child, nullptr, 0);
  return result;
}

// Forks a child for each byte that comes; the child sends the time back.
void serve(int socket) {
  signal(SIGCHLD, SIG_IGN);  // nobody waits for them
  char byte = 0;
  while (read(socket, &byte, 1) == 1) {
    if (fork() != 0) continue;
    const std::int64_t stamp = now_ns();
    _exit(write(socket, &stamp, sizeof stamp) == sizeof stamp ? 0 : 1);
  }
}

}  // namespace

Figures measure_raw_fork(const Scale& scale) {
  const double fork_ms = raw_fork_ms(rounds(scale));
  const double two_wakes_ms = measure_futex_two_cpus(scale).front() / 1e3;
  return {fork_ms, 2 * fork_ms + two_wakes_ms};
}

Figures measure_raw_fork_large(const Scale& scale) {
  const Ballast ballast(scale.pick(std::size_t{1} << 30, std::size_t{1} << 26));
  return {raw_fork_ms(scale.pick<std::size_t>(20, 2))};
}

Figures measure_raw_spawn(const Scale& scale) {
  const auto [reader, writer] = make_sockets();
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds(scale); ++i) {
    times.push_back(raw_spawn_ms(reader.get(), writer.get()));
  }
  return {median(times)};
}

Figures measure_raw_fork_server(const Scale& scale) {
  auto [ours, theirs] = make_sockets();
  const int socket = theirs.get();
  RawChild server([socket] { serve(socket); });
  std::vector<double> times;
  for (std::size_t i = 0; i < rounds(scale); ++i) {
    const std::int64_t start = now_ns();
    if (write(ours.get(), "f", 1) != 1) fail("write");
    times.push_back(milliseconds(start, read_stamp(ours.get())));
  }
  return {median(times)};
}

void print_stamp() {
  const std::int64_t stamp = now_ns();
  if (write(STDOUT_FILENO, &stamp, sizeof stamp) != sizeof stamp) fail("write");
}

}  // namespace bench
