// SPDX-License-Identifier: Apache-2.0
// S11: rows of a Mandelbrot set, 0.4 ms each, handed out one by one or in bands.
#include <atomic>
#include <complex>
#include <shoal/shoal.hpp>
#include <stdexcept>

#include "host.hpp"
#include "pool_states.hpp"
#include "timing.hpp"

namespace bench {
namespace {

constexpr int kWidth = 800;

std::int64_t draw_row(int row, int rows) {
  constexpr int kLimit = 1000;
  std::int64_t steps = 0;
  for (int column = 0; column < kWidth; ++column) {
    const std::complex<double> c(-2.2 + 3.2 * column / kWidth, -1.2 + 2.4 * row / rows);
    std::complex<double> z = 0;
    for (int i = 0; i < kLimit && std::norm(z) <= 4.0; ++i, ++steps) z = z * z + c;
  }
  return steps;
}

struct Band {
  int first;
  int count;
  int rows;  // of the whole picture
};

std::int64_t draw_band(const Band& band) {
  std::int64_t steps = 0;
  for (int i = 0; i < band.count; ++i) steps += draw_row(band.first + i, band.rows);
  return steps;
}

struct Desk {
  std::atomic<int> next_row{0};
  std::atomic<std::int64_t> steps{0};
};

void draw_rows(Desk& desk, int rows) {
  for (int row = desk.next_row++; row < rows; row = desk.next_row++) {
    desk.steps += draw_row(row, rows);
  }
}

// What was drawn, and how fast.
struct Drawn {
  std::int64_t steps;
  double rows_per_second;
};

Drawn draw_by_raw_processes(int rows) {
  Shared<Desk> desk;
  const Clock::time_point start = Clock::now();
  RawChild first([&] { draw_rows(*desk, rows); });
  RawChild second([&] { draw_rows(*desk, rows); });
  first.join();
  second.join();
  return {desk->steps, rows / seconds_since(start)};
}

Drawn draw_by_pool(shoal::ProcessPoolExecutor& pool, int rows, int band_rows) {
  const Clock::time_point start = Clock::now();
  std::vector<shoal::Future<std::int64_t>> futures;
  for (int row = 0; row < rows; row += band_rows) {
    futures.push_back(pool.submit(draw_band, Band{row, band_rows, rows}));
  }
  std::int64_t steps = 0;
  for (auto& future : futures) steps += future.get();
  return {steps, rows / seconds_since(start)};
}

}  // namespace

Figures measure_cpu_bound(const Scale& scale) {
  constexpr int kBandRows = 8;
  const int rows = scale.pick(2'000, 24);  // a whole number of bands
  shoal::ProcessPoolExecutor pool({.max_workers = 2});
  draw_by_pool(pool, 24, 1);  // warm
  std::vector<double> raw;
  std::vector<double> in_bands;
  std::vector<double> in_rows;
  // They take turns within one measurement: 3 % are less than the machine's own moods.
  for (int round = 0; round < scale.pick(7, 1); ++round) {
    const Drawn limit = draw_by_raw_processes(rows);
    const Drawn bands = draw_by_pool(pool, rows, kBandRows);
    const Drawn singles = draw_by_pool(pool, rows, 1);
    if (limit.steps != bands.steps || limit.steps != singles.steps) {
      throw std::runtime_error("they drew different pictures");
    }
    raw.push_back(limit.rows_per_second);
    in_bands.push_back(bands.rows_per_second);
    in_rows.push_back(singles.rows_per_second);
  }
  return {median(raw), median(in_bands), median(in_rows)};
}

}  // namespace bench
