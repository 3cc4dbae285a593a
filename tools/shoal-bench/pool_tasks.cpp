// SPDX-License-Identifier: Apache-2.0
#include "pool_tasks.hpp"

#include <numeric>
#include <optional>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "host.hpp"
#include "pool_helpers.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;

int increment(int x) { return x + 1; }
std::size_t count_doubles(const std::vector<double>& values) { return values.size(); }

// Where the caller and the worker are bound; none: where the scheduler likes.
using Placement = std::optional<std::pair<int, int>>;

double round_trip_us(std::size_t rounds, shoal::PoolOptions options, const Placement& cpus) {
  options.max_workers = 1;
  shoal::ProcessPoolExecutor pool(options);
  // Bound after the pool is made, which would not poll if it saw one CPU only.
  if (cpus) {
    pool.submit(pin_to, cpus->second).get();
    pin_to(cpus->first);
  }
  const auto once = [&] { pool.submit(no_op).get(); };
  median_step_us(rounds / 10, once);  // warm
  return median_step_us(rounds, once);
}

double asleep_us(const Scale& scale, const Placement& cpus) {
  return round_trip_us(scale.pick<std::size_t>(10'000, 200), {.spin = 0us}, cpus);
}

}  // namespace

Figures measure_pool_throughput(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 2});
  run_no_ops(pool, scale.pick<std::size_t>(20'000, 1'000));  // warm
  return {run_no_ops(pool, scale.pick<std::size_t>(500'000, 5'000)) / 1e6};
}

Figures measure_pool_map(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 2});
  std::vector<int> items(scale.pick<std::size_t>(kMapItems, 20'000));
  std::iota(items.begin(), items.end(), 0);
  pool.submit(no_op).get();  // warm
  const Clock::time_point start = Clock::now();
  std::int64_t sum = 0;
  for (const int result : pool.map(increment, items)) sum += result;
  const double seconds = seconds_since(start);
  const auto count = static_cast<std::int64_t>(items.size());
  if (sum != count * (count + 1) / 2) throw std::runtime_error("map gave a wrong sum");
  return {static_cast<double>(count) / seconds / 1e6};
}

Figures measure_pool_round_trip(const Scale& scale) {
  return {round_trip_us(scale.pick<std::size_t>(50'000, 500), {}, std::nullopt)};
}

Figures measure_pool_round_trip_pinned(const Scale& scale) {
  return {round_trip_us(scale.pick<std::size_t>(50'000, 500), {}, two_cpus())};
}

Figures measure_pool_asleep_two_cpus(const Scale& scale) { return {asleep_us(scale, two_cpus())}; }

Figures measure_pool_asleep_one_cpu(const Scale& scale) {
  const int cpu = two_cpus().first;
  return {asleep_us(scale, std::pair(cpu, cpu))};
}

Figures measure_pool_asleep(const Scale& scale) { return {asleep_us(scale, std::nullopt)}; }

Figures measure_pool_large_argument(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 1});
  const std::vector<double> values(kLargeBytes / sizeof(double), 1.5);
  const auto once = [&] {
    if (pool.submit(count_doubles, values).get() != values.size()) {
      throw std::runtime_error("a large argument arrived with another size");
    }
  };
  median_step_us(2, once);  // warm
  const double us = median_step_us(scale.pick<std::size_t>(12, 2), once);
  return {static_cast<double>(kLargeBytes) / us / 1e3};
}

}  // namespace bench
