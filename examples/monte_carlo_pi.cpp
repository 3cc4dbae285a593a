// SPDX-License-Identifier: Apache-2.0
// Estimates pi by throwing darts. Each task has a random stream of its own, named by its number:
// the result does not depend on how many workers there are.
//
//   8000000 darts: pi is about 3.14

#include <cstdio>
#include <random>
#include <ranges>
#include <shoal/shoal.hpp>

constexpr long kDartsPerTask = 500'000;

// Counts the darts that hit the quarter of a disc within the unit square.
long throw_darts(unsigned stream) {
  std::mt19937_64 random(stream);
  auto coordinate = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };  // 0 to 1
  long hits = 0;
  for (long i = 0; i < kDartsPerTask; ++i) {
    const double x = coordinate();
    const double y = coordinate();
    hits += x * x + y * y < 1;
  }
  return hits;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  long hits = 0;
  long darts = 0;
  for (long n : pool.map(throw_darts, std::views::iota(0u, 16u))) {
    hits += n;
    darts += kDartsPerTask;
  }
  std::printf("%ld darts: pi is about %.2f\n", darts,
              4 * static_cast<double>(hits) / static_cast<double>(darts));
}
