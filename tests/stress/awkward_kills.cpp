// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <random>
#include <shoal/shoal.hpp>
#include <utility>
#include <vector>

#include "os/sentinel.hpp"
#include "stress/faults.hpp"

namespace shoal::test {
namespace {

int square(int n) { return n * n; }
int own_pid() { return ::getpid(); }
unsigned draw(std::mt19937& random, unsigned below) {
  return static_cast<unsigned>(random() % below);
}

// Kills, at random moments, whom it was told of last; answers how many that were.
void kill_at_random(const Connection& line) {
  std::mt19937 random(45);
  int kills = 0;
  for (int pid = line.recv<int>(); pid != 0; pid = line.recv<int>()) {
    while (line.poll()) {
      pid = line.recv<int>();
      if (pid == 0) return line.send(kills);
    }
    const auto victim = os::open_sentinel(pid);
    ::usleep(draw(random, 4000));
    if (victim && os::send_signal(victim->get(), SIGKILL)) ++kills;
  }
  line.send(kills);
}

// A process, as a fork of a host with a thread of its own is refused.
class Killer {
 public:
  Killer() : Killer(pipe()) {}

  void hear(const WorkerEvent& event) const {
    if (event.kind == WorkerEvent::Kind::started) line_.send(event.pid);
  }
  int finish() {
    line_.send(0);
    const int kills = line_.recv<int>();
    process_.join();
    return kills;
  }

 private:
  explicit Killer(std::pair<Connection, Connection> ends)
      : line_(std::move(ends.first)),
        process_({.context = get_context(StartMethod::spawn)}, kill_at_random,
                 std::move(ends.second)) {
    process_.start();
  }

  Connection line_;
  Process process_;
};

struct Outcome {
  int values = 0;
  int errors = 0;
};

void settle(std::vector<Future<int>> futures, Outcome& outcome) {
  for (std::size_t n = 0; n < futures.size(); ++n) {
    try {
      EXPECT_EQ(futures[n].get(), static_cast<int>(n * n));
      ++outcome.values;
    } catch (const WorkerLostError&) {
      ++outcome.errors;
    } catch (const CancelledError&) {
      ++outcome.errors;
    } catch (const BrokenPoolError&) {
      ++outcome.errors;
    }
  }
}

// One pool, resized under way, that ends in one of the ways in which pools end.
void live(StartMethod method, const Killer& killer, std::mt19937& random, Outcome& outcome) {
  ProcessPoolExecutor pool{
      {.max_workers = 1 + draw(random, 3),
       .context = get_context(method),
       .on_worker_event = [&killer](const WorkerEvent& event) { killer.hear(event); }}};
  std::vector<Future<int>> futures;
  for (int n = 0; n < 20; ++n) {
    futures.push_back(pool.submit(square, n));
    if (n % 5 == 4) pool.resize(1 + draw(random, 4));
  }
  const unsigned end = draw(random, 4);
  if (end == 0) pool.shutdown({.wait = true, .cancel_futures = true});
  if (end == 1) pool.kill_workers();
  if (end == 2) settle(std::exchange(futures, {}), outcome);
  pool.shutdown();
  settle(std::move(futures), outcome);
}

}  // namespace

void kill_while_starting_and_stopping(StartMethod method, int rounds) {
  Killer killer;
  std::mt19937 random(46);
  Outcome outcome;
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    try {
      live(method, killer, random, outcome);
    } catch (const StartError&) {  // it was killed before it had its orders
      ++refused;
    }
  }
  const int kills = killer.finish();
  std::printf("%s: %d pools, %d kills: %d values, %d errors, %d pools not started\n",
              name_of(method).c_str(), rounds, kills, outcome.values, outcome.errors, refused);
  EXPECT_EQ(outcome.values + outcome.errors, 20 * (rounds - refused));
  EXPECT_GT(kills, 0);
  EXPECT_GT(outcome.values, 0);
}

void kill_all_at_once(StartMethod method, int rounds) {
  constexpr std::size_t kWorkers = 4;
  ProcessPoolExecutor pool{
      {.max_workers = kWorkers, .context = get_context(method), .restart = {.restarts = 1000}}};
  Outcome outcome;
  for (int round = 0; round < rounds; ++round) {
    auto [here, there] = pipe();
    std::vector<Future<int>> running;
    for (std::size_t i = 0; i < kWorkers; ++i) {
      running.push_back(pool.submit(
          [](const Connection& line) {
            line.send(own_pid());
            for (;;) ::pause();
            return 0;
          },
          there));
    }
    std::array<int, kWorkers> pids{};
    for (int& pid : pids) pid = here.recv<int>();
    std::vector<Future<int>> behind;
    for (int n = 0; n < 20; ++n) behind.push_back(pool.submit(square, n));
    for (const int pid : pids) ::kill(pid, SIGKILL);
    for (Future<int>& future : running) EXPECT_THROW(future.get(), WorkerLostError);
    settle(std::move(behind), outcome);
  }
  std::printf("%s: %d times all %zu workers killed: %d values, %d errors\n",
              name_of(method).c_str(), rounds, kWorkers, outcome.values, outcome.errors);
  EXPECT_EQ(outcome.errors, 0);  // none had begun
  EXPECT_EQ(outcome.values, 20 * rounds);
}

}  // namespace shoal::test
