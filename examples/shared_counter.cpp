// SPDX-License-Identifier: Apache-2.0
// A counter that four processes share, done wrong and right. `++` on plain memory reads, adds and
// writes: of two who do that at once, one is lost.
//
//   without a lock: no more than 40000
//   with a lock: 40000
//   atomic: 40000

#include <cstdio>
#include <shoal/shoal.hpp>
#include <vector>

constexpr int kProcesses = 4;
constexpr int kSteps = 10'000;

struct Counters {
  shoal::RawValue<int> raw{0};
  shoal::Value<int> locked{0};
  shoal::Atomic<int> atomic{0};
};

void count(Counters counters) {
  for (int i = 0; i < kSteps; ++i) {
    counters.raw.set(counters.raw.get() + 1);  // wrong: another may write in between
    counters.locked.with([](int& it) { ++it; });
    ++counters.atomic;
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  Counters counters;
  std::vector<shoal::Process> processes;
  for (int i = 0; i < kProcesses; ++i) processes.emplace_back(count, counters).start();
  for (shoal::Process& process : processes) process.join();

  const int all = kProcesses * kSteps;
  std::printf("without a lock: %s %d\n", counters.raw.get() <= all ? "no more than" : "over", all);
  std::printf("with a lock: %d\n", counters.locked.get());
  std::printf("atomic: %d\n", counters.atomic.load());
}
