// SPDX-License-Identifier: Apache-2.0
// Heat spreads on a plate with a hot left edge. Four processes each reckon a band of a grid that
// they share, step by step; the result is an image, heat.pgm in the folder for temporary files or
// the path given.
//
//   centre 16.73, middle of the hot edge 100.00, cold corner 0.00
//   wrote an image of 96 x 96

#include <cstdio>
#include <fstream>
#include <shoal/shoal.hpp>
#include <vector>

constexpr std::size_t kSize = 96;
constexpr std::size_t kBands = 4;
constexpr int kSteps = 3'000;

using Grid = shoal::SharedArray<double>;

// Row by row from `begin` to `end`; what lies on the plate's edges stays as it is.
void reckon(Grid now, Grid next, shoal::Barrier barrier, std::size_t begin, std::size_t end) {
  std::span<double> from = now.span();
  std::span<double> to = next.span();
  for (int step = 0; step < kSteps; ++step) {
    for (std::size_t y = begin; y < end; ++y) {
      for (std::size_t x = 1; x < kSize - 1; ++x) {
        const std::size_t i = y * kSize + x;
        to[i] = (from[i - 1] + from[i + 1] + from[i - kSize] + from[i + kSize]) / 4;
      }
    }
    barrier.arrive_and_wait();  // all bands are done: neighbours may read them
    std::swap(from, to);
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  const Grid now(kSize * kSize), next(kSize * kSize);
  for (std::size_t y = 0; y < kSize; ++y) now[y * kSize] = next[y * kSize] = 100;
  const shoal::Barrier barrier(kBands);
  std::vector<shoal::Process> bands;
  for (std::size_t i = 0; i < kBands; ++i) {
    const std::size_t rows = kSize - 2;
    bands.emplace_back(reckon, now, next, barrier, 1 + rows * i / kBands,
                       1 + rows * (i + 1) / kBands);
    bands.back().start();
  }
  for (shoal::Process& band : bands) band.join();

  std::printf("centre %.2f, middle of the hot edge %.2f, cold corner %.2f\n",
              now[kSize * kSize / 2 + kSize / 2], now[kSize * kSize / 2], now[kSize * kSize - 1]);
  std::ofstream image(argc > 1 ? argv[1] : "heat.pgm", std::ios::binary);
  image << "P5 " << kSize << ' ' << kSize << " 255\n";
  for (const double heat : now) image.put(static_cast<char>(heat * 2.55));
  std::printf("%s an image of %zu x %zu\n", image ? "wrote" : "could not write", kSize, kSize);
}
