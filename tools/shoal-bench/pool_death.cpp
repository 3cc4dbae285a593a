// SPDX-License-Identifier: Apache-2.0
// S10.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <shoal/shoal.hpp>
#include <stdexcept>

#include "host.hpp"
#include "pool_states.hpp"
#include "timing.hpp"

namespace bench {
namespace {

int worker_pid() { return getpid(); }

// Says where it runs, and stays there until it is told to end.
void hold(const shoal::Connection& connection) {
  connection.send(getpid());
  connection.recv<int>();
}

struct Held {
  explicit Held(shoal::ProcessPoolExecutor& pool) {
    const auto [ours, theirs] = shoal::pipe();
    connection = ours;
    future = pool.submit(hold, theirs);
    pid = connection.recv<int>();
  }
  shoal::Connection connection;
  shoal::Future<void> future;
  int pid = 0;
};

void expect_loss(Held& victim) {
  try {
    victim.future.get();
  } catch (const shoal::WorkerLostError&) {
    return;
  }
  throw std::runtime_error("a task whose worker was killed gave a result");
}

}  // namespace

Figures measure_pool_death(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 2});
  // One worker is kept busy asleep, so that only the replacement of the other can serve a task.
  const Held bystander(pool);
  std::vector<double> until_failed;
  std::vector<double> until_served;
  for (std::size_t i = 0; i < scale.pick<std::size_t>(50, 3); ++i) {
    Held victim(pool);
    const Clock::time_point start = Clock::now();
    kill(victim.pid, SIGKILL);
    expect_loss(victim);
    until_failed.push_back(seconds_since(start) * 1e3);
    const int replacement = pool.submit(worker_pid).get();
    until_served.push_back(seconds_since(start) * 1e3);
    if (replacement == victim.pid || replacement == bystander.pid) {
      throw std::runtime_error("a task ran in a worker that was not free");
    }
  }
  bystander.connection.send(0);
  return {median(until_failed), median(until_served)};
}

Figures measure_raw_death(const Scale& scale) {
  const auto once = [] {
    RawChild child([] { pause(); });
    const shoal::UniqueFd sentinel(static_cast<int>(syscall(SYS_pidfd_open, child.pid(), 0)));
    if (sentinel.get() < 0) fail("pidfd_open");
    pollfd poller = {.fd = sentinel.get(), .events = POLLIN, .revents = 0};
    const Clock::time_point start = Clock::now();
    kill(child.pid(), SIGKILL);
    if (poll(&poller, 1, -1) != 1) fail("poll");
    return seconds_since(start) * 1e3;
  };
  std::vector<double> times;
  for (std::size_t i = 0; i < scale.pick<std::size_t>(50, 3); ++i) times.push_back(once());
  return {median(times)};
}

}  // namespace bench
