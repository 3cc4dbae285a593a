// SPDX-License-Identifier: Apache-2.0
#include "stress/kill_stress.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <thread>
#include <utility>

namespace shoal::test {
namespace {

std::uint64_t mix(std::uint64_t n) { return (n ^ (n >> 31)) * 0x9e3779b97f4a7c15; }

}  // namespace

struct KillStress::Job {
  std::uint64_t number;
  std::string padding;  // so that arguments and results go inline, by the ring and by file
  int kill_point;       // 0: none, 1: before the work, 2: half-way, 3: after it
};

struct KillStress::Done {
  std::uint64_t answer;
  int pid;
  std::string padding;
};

struct KillStress::Pending {
  Job job;
  Future<Done> future;
};

struct KillStress::Totals {
  std::uint64_t values = 0;
  std::uint64_t lost = 0;
  std::uint64_t wrong = 0;
  std::uint64_t lost_without_death = 0;
};

void KillStress::die_at(const Job& job, int point) {
  if (job.kill_point == point) ::kill(::getpid(), SIGKILL);
}

KillStress::Done KillStress::work(const Job& job) {
  die_at(job, 1);
  Done done{mix(job.number), ::getpid(), {}};
  die_at(job, 2);
  done.padding = job.padding;
  die_at(job, 3);
  return done;
}

KillStress::Job KillStress::next_job(std::uint64_t number, std::uint64_t deaths_inside) {
  Job job{number, {}, 0};
  if (random_() % 100 == 0) job.padding.assign(random_() % 6000, 'r');
  if (random_() % 2000 == 0) job.padding.assign(40'000 + random_() % 60'000, 'f');
  if (number % spacing_ == 0 && number / spacing_ < deaths_inside) {
    job.kill_point = 1 + static_cast<int>(random_() % 3);
  }
  return job;
}

void KillStress::settle(Pending& pending, Totals& totals) {
  try {
    const Done done = pending.future.get();
    ++totals.values;
    victim_.store(done.pid);
    if (done.answer != mix(pending.job.number) || done.padding != pending.job.padding ||
        pending.job.kill_point != 0) {
      ++totals.wrong;
    }
  } catch (const WorkerLostError& lost) {
    ++totals.lost;
    if (lost.signal() != SIGKILL) ++totals.lost_without_death;
  }
}

void KillStress::run(Scale scale) {
  ProcessPoolExecutor pool{{.max_workers = 2, .context = get_context(GetParam())}};
  const std::uint64_t inside = scale.deaths / 2;
  spacing_ = scale.tasks / inside;

  // From without: whoever answered last is killed, at a moment of its own choosing. A pid that is
  // gone already, or was reaped, is not counted.
  std::atomic<bool> is_over{false};
  std::thread killer([&] {
    std::mt19937_64 random(43);
    while (!is_over) {
      const int pid = victim_.exchange(0);
      if (pid != 0) ::kill(pid, SIGKILL);
      ::usleep(static_cast<useconds_t>(random() % 4000));
    }
  });

  Totals totals;
  std::deque<Pending> window;
  for (std::uint64_t number = 0; number < scale.tasks || pool.stats().restarted < scale.deaths;
       ++number) {
    Job job = next_job(number, inside);
    Future<Done> future = pool.submit(work, job);
    window.push_back({std::move(job), std::move(future)});
    if (window.size() < 64) continue;
    settle(window.front(), totals);
    window.pop_front();
  }
  for (Pending& pending : window) settle(pending, totals);
  is_over = true;
  killer.join();

  const PoolStats stats = pool.stats();
  std::printf("%llu tasks, %llu worker deaths: %llu values, %llu lost, %llu wrong\n",
              static_cast<unsigned long long>(totals.values + totals.lost),
              static_cast<unsigned long long>(stats.restarted),
              static_cast<unsigned long long>(totals.values),
              static_cast<unsigned long long>(totals.lost),
              static_cast<unsigned long long>(totals.wrong));
  EXPECT_EQ(totals.wrong, 0U);
  EXPECT_EQ(totals.lost_without_death, 0U);
  EXPECT_EQ(stats.completed, totals.values);
  EXPECT_EQ(stats.lost, totals.lost);
  EXPECT_EQ(stats.queued + stats.running, 0U);
  EXPECT_GE(totals.lost, inside);           // those that killed themselves
  EXPECT_LE(totals.lost, stats.restarted);  // a death takes one task at most
  EXPECT_GE(totals.values + totals.lost, scale.tasks);
  EXPECT_GE(stats.restarted, scale.deaths);
}

}  // namespace shoal::test
