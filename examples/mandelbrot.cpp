// SPDX-License-Identifier: Apache-2.0
// Draws the Mandelbrot set: one task a row, the rows come back in order and go into an image file.
//
//   800 x 600 pixels, {n} of them inside the set
//   written to mandelbrot.ppm

#include <array>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <ranges>
#include <shoal/shoal.hpp>
#include <vector>

constexpr int kWidth = 800;
constexpr int kHeight = 600;
constexpr int kLimit = 256;
using Pixel = std::array<std::uint8_t, 3>;

// How many steps z = z² + c takes to leave the circle of radius 2; kLimit if it never does.
int escape_time(std::complex<double> c) {
  std::complex<double> z = 0;
  int steps = 0;
  while (std::norm(z) <= 4.0 && steps < kLimit) {
    z = z * z + c;
    ++steps;
  }
  return steps;
}

Pixel color(int steps) {
  if (steps == kLimit) return {0, 0, 0};
  const auto shade = [&](int factor) { return static_cast<std::uint8_t>(steps * factor % 256); };
  return {shade(3), shade(5), shade(9)};
}

std::vector<Pixel> row(int y) {
  std::vector<Pixel> pixels(kWidth);
  for (int x = 0; x < kWidth; ++x) {
    pixels[static_cast<std::size_t>(x)] =
        color(escape_time({-2.2 + 3.2 * x / kWidth, -1.2 + 2.4 * y / kHeight}));
  }
  return pixels;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  std::ofstream image("mandelbrot.ppm", std::ios::binary);
  image << "P6\n" << kWidth << ' ' << kHeight << "\n255\n";
  long inside = 0;
  for (const std::vector<Pixel>& pixels : pool.map(row, std::views::iota(0, kHeight))) {
    for (const Pixel& pixel : pixels) inside += pixel == Pixel{0, 0, 0};
    image.write(reinterpret_cast<const char*>(pixels.data()), 3 * kWidth);
  }
  std::printf("%d x %d pixels, %ld of them inside the set\n", kWidth, kHeight, inside);
  std::printf("written to mandelbrot.ppm\n");
}
