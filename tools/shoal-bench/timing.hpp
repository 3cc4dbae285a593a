// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

// CLOCK_MONOTONIC, so that stamps of different processes (CPython's time.monotonic() too) compare.
using Clock = std::chrono::steady_clock;

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Gives the middle one; of an even number, the mean of the two in the middle.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Calls `step` `count` times and gives the median time of one, in microseconds. There is one
/// reading of the clock between two steps (about 20 ns), which counts.
template <class Step>
double median_step_us(std::size_t count, Step step) {
  std::vector<double> times;
  times.reserve(count);
  std::int64_t last = now_ns();
  for (std::size_t i = 0; i < count; ++i) {
    step();
    const std::int64_t now = now_ns();
    times.push_back(static_cast<double>(now - last) / 1e3);
    last = now;
  }
  return median(std::move(times));
}

}  // namespace bench
