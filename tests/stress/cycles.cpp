// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ranges>
#include <shoal/shoal.hpp>
#include <string>

#include "stress/faults.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

int square(int n) { return n * n; }
int own_pid() { return ::getpid(); }

// One life of a pool: some of its workers are killed, some end with it.
void live(StartMethod method, int number) {
  ProcessPoolExecutor pool{{.max_workers = 2, .context = get_context(method)}};
  const std::string text(number % 16 == 0 ? 100'000 : 100, 'x');
  Future<std::string> large = pool.submit([](const std::string& t) { return t; }, text);
  const int victim = pool.submit(own_pid).get();
  if (number % 2 == 0) ::kill(victim, SIGKILL);
  try {
    EXPECT_EQ(large.get(), text);
  } catch (const WorkerLostError&) {  // it ran there
  }
  int sum = 0;
  auto results = pool.map(square, std::views::iota(0, 10));
  for (auto at = results.begin(); at != results.end(); ++at) {
    try {
      sum += *at;
    } catch (const WorkerLostError&) {  // likewise
    }
  }
  EXPECT_LE(sum, 285);
  if (number % 3 == 0) pool.kill_workers();
}

struct Sizes {
  std::ptrdiff_t threads;
  std::ptrdiff_t mappings;
  long resident_kib;
};

Sizes current_sizes() {
  std::ifstream maps("/proc/self/maps");
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return {std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}),
          std::count(std::istreambuf_iterator<char>(maps), {}, '\n'),
          resident * (::sysconf(_SC_PAGESIZE) / 1024)};
}

}  // namespace

void repeat_lives(StartMethod method, int lives) {
  for (int life = 0; life < 30; ++life) live(method, life);  // what a process keeps is there now
  const LeakGuard guard;
  const Sizes before = current_sizes();
  for (int life = 0; life < lives; ++life) live(method, life);
  Sizes after = current_sizes();
  // The last pool's remains go on other threads; ctest's watchdog bounds the wait.
  while (after.threads > before.threads || after.mappings > before.mappings) {
    ::usleep(1000);
    after = current_sizes();
  }
  std::printf("%s: %d lives, %+td threads, %+td mappings, %+ld KiB\n", name_of(method).c_str(),
              lives, after.threads - before.threads, after.mappings - before.mappings,
              after.resident_kib - before.resident_kib);
}

}  // namespace shoal::test
