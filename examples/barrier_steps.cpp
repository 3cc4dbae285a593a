// SPDX-License-Identifier: Apache-2.0
// A simulation in steps: heat spreads around a ring of four processes. Each tells its neighbours
// how warm it is, and none goes on before all have done so.
//
//   step 1
//   step 2
//   step 3
//   31.25 25 18.75 25

#include <array>
#include <cstdio>
#include <shoal/shoal.hpp>
#include <vector>

constexpr std::size_t kCells = 4;

using Ring = std::array<shoal::Queue<double>, kCells>;  // what each cell is told

// Called once in each step, by the process that comes last, before the others go on.
void announce(shoal::Semaphore steps) {
  steps.release();
  std::printf("step %u\n", steps.value());
  std::fflush(stdout);
}

void simulate(std::size_t self, double heat, Ring told, shoal::Barrier barrier, Ring results) {
  for (int step = 0; step < 3; ++step) {
    told[(self + 1) % kCells].put(heat);
    told[(self + kCells - 1) % kCells].put(heat);
    barrier.arrive_and_wait();  // all have told their neighbours
    heat = heat / 2 + (told[self].get() + told[self].get()) / 4;
  }
  results[self].put(heat);
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  const shoal::Barrier barrier(kCells, shoal::bind(announce, shoal::Semaphore{0}));
  const Ring told, results;
  std::vector<shoal::Process> cells;
  for (std::size_t i = 0; i < kCells; ++i) {
    cells.emplace_back(simulate, i, i == 0 ? 100.0 : 0.0, told, barrier, results);
    cells.back().start();
  }
  for (shoal::Process& cell : cells) cell.join();
  std::printf("%g", results[0].get());
  for (std::size_t i = 1; i < kCells; ++i) std::printf(" %g", results[i].get());
  std::printf("\n");
}
