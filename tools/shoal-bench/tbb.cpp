// SPDX-License-Identifier: Apache-2.0
#include "tbb.hpp"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <future>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "timing.hpp"

namespace bench {
namespace {

// An arena of `workers` threads beside the caller, who only submits and waits: no slot is his.
class Arena {
 public:
  explicit Arena(int workers)
      : threads_(tbb::global_control::max_allowed_parallelism,
                 static_cast<std::size_t>(workers) + 1),
        arena_(workers, 0) {}

  std::future<void> submit() {
    auto promise = std::make_shared<std::promise<void>>();
    std::future<void> future = promise->get_future();
    arena_.enqueue([promise] { promise->set_value(); });
    return future;
  }

 private:
  tbb::global_control threads_;
  tbb::task_arena arena_;
};

double run_no_ops(Arena& arena, std::size_t count) {
  std::vector<std::future<void>> futures;
  futures.reserve(count);
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < count; ++i) futures.push_back(arena.submit());
  for (std::future<void>& future : futures) future.get();
  return static_cast<double>(count) / seconds_since(start);
}

}  // namespace

Figures measure_tbb_throughput(const Scale& scale) {
  Arena arena(2);
  run_no_ops(arena, scale.pick<std::size_t>(20'000, 1'000));  // warm
  return {run_no_ops(arena, scale.pick<std::size_t>(500'000, 5'000)) / 1e6};
}

Figures measure_tbb_map(const Scale& scale) {
  const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 2);
  std::vector<int> items(scale.pick<std::size_t>(10'000'000, 20'000));
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> results(items.size());
  const Clock::time_point start = Clock::now();
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, items.size()), [&](const auto& range) {
    for (std::size_t i = range.begin(); i < range.end(); ++i) results[i] = items[i] + 1;
  });
  const double seconds = seconds_since(start);
  if (results.back() != static_cast<int>(items.size())) throw std::runtime_error("a wrong result");
  return {static_cast<double>(items.size()) / seconds / 1e6};
}

Figures measure_tbb_round_trip(const Scale& scale) {
  Arena arena(1);
  const auto once = [&] { arena.submit().get(); };
  const std::size_t rounds = scale.pick<std::size_t>(20'000, 500);
  median_step_us(rounds / 10, once);  // warm
  return {median_step_us(rounds, once)};
}

}  // namespace bench
