// SPDX-License-Identifier: Apache-2.0
// S8: what a shared array costs as an argument, beside an empty task.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <vector>

#include "host.hpp"
#include "pool_helpers.hpp"
#include "pool_tasks.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using Array = shoal::SharedArray<std::uint64_t>;

constexpr std::size_t kRounds = 5;  // in each, the empty task and all sizes have their turn

void take(const Array& array) {
  if (array.empty()) throw std::runtime_error("an array arrived empty");
}

std::uint64_t sum(const Array& array) {
  return std::accumulate(array.begin(), array.end(), std::uint64_t{0});
}

Array array_of(std::size_t bytes) { return Array(bytes / sizeof(std::uint64_t)); }

// A pool of one worker on a CPU of its own.
shoal::ProcessPoolExecutor pinned_pool() {
  shoal::ProcessPoolExecutor pool({.max_workers = 1});
  const auto [ours, theirs] = two_cpus();
  pool.submit(pin_to, theirs).get();
  pin_to(ours);
  pool.submit(no_op).get();
  return pool;
}

}  // namespace

Figures measure_pool_arrays(const Scale& scale) {
  const std::size_t count = scale.pick<std::size_t>(10'000, 100);
  const std::size_t largest = scale.pick<std::size_t>(std::size_t{1} << 30, 8 << 20);
  shoal::ProcessPoolExecutor pool = pinned_pool();
  std::vector<Array> arrays;
  for (const std::size_t bytes : {std::size_t{4} << 10, std::size_t{1} << 20, kLargeBytes, largest})
    arrays.push_back(array_of(scale.is_quick ? std::min(bytes, largest) : bytes));
  std::vector<double> empty;
  std::vector<std::vector<double>> more(arrays.size());
  for (std::size_t round = 0; round < kRounds; ++round) {
    empty.push_back(median_step_us(count, [&] { pool.submit(no_op).get(); }));
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const double us = median_step_us(count, [&] { pool.submit(take, arrays[i]).get(); });
      more[i].push_back(us - empty.back());
    }
  }
  Figures figures{median(empty)};
  for (const std::vector<double>& of_size : more) figures.push_back(median(of_size));
  return figures;
}

// The first task with an array sends a descriptor and maps it; the last handle takes it away again.
Figures measure_pool_fresh_arrays(const Scale& scale) {
  shoal::ProcessPoolExecutor pool = pinned_pool();
  std::vector<double> times;
  for (std::size_t i = 0; i < scale.pick<std::size_t>(2'000, 20); ++i) {
    const Array array = array_of(4 << 10);
    const std::int64_t begin = now_ns();
    pool.submit(take, array).get();
    times.push_back(static_cast<double>(now_ns() - begin) / 1e3);
  }
  return {median(std::move(times))};
}

Figures measure_pool_array_sums(const Scale& scale) {
  shoal::ProcessPoolExecutor pool = pinned_pool();
  const Array array = array_of(scale.pick<std::size_t>(kLargeBytes, 1 << 20));
  std::vector<double> milliseconds;
  for (int i = 0; i < 10; ++i) {
    const std::int64_t begin = now_ns();
    if (pool.submit(sum, array).get() != 0) throw std::runtime_error("an array arrived changed");
    milliseconds.push_back(static_cast<double>(now_ns() - begin) / 1e6);
  }
  return {milliseconds.front(), milliseconds.back()};
}

}  // namespace bench
