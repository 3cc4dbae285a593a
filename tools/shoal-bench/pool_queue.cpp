// SPDX-License-Identifier: Apache-2.0
// S14, and pools where there are more runnable threads than CPUs.
#include <atomic>
#include <shoal/shoal.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "pool_helpers.hpp"
#include "pool_states.hpp"
#include "proc_files.hpp"
#include "timing.hpp"

namespace bench {
namespace {

// Occupies a worker until the other end sends something.
void hold(const shoal::Connection& connection) {
  connection.send(0);
  connection.recv<int>();
}

// Threads of the host that want every CPU for themselves.
class BusyThreads {
 public:
  explicit BusyThreads(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this] {
        while (!is_over_.load(std::memory_order_relaxed)) continue;
      });
    }
  }
  ~BusyThreads() {
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;

 private:
  std::atomic<bool> is_over_{false};
  std::vector<std::thread> threads_;
};

}  // namespace

Figures measure_pool_beside_busy_threads(const Scale& scale) {
  const std::size_t count = scale.pick<std::size_t>(200'000, 2'000);
  const BusyThreads busy(shoal::cpu_count());
  const auto throughput = [&](shoal::Duration spin) {
    shoal::ProcessPoolExecutor pool({.max_workers = 2, .spin = spin});
    run_no_ops(pool, count / 10);  // warm
    return run_no_ops(pool, count) / 1e6;
  };
  const double spinning = throughput(shoal::PoolOptions().spin);
  return {spinning, throughput(shoal::Duration::zero())};
}

Figures measure_pool_queued(const Scale& scale) {
  const std::size_t count = scale.pick<std::size_t>(1'000'000, 10'000);
  shoal::ProcessPoolExecutor pool({.max_workers = 1});
  const auto [ours, theirs] = shoal::pipe();
  shoal::Future<void> held = pool.submit(hold, theirs);
  ours.recv<int>();

  std::vector<shoal::Future<void>> futures;
  futures.reserve(count);
  const double before = resident_bytes();
  for (std::size_t i = 0; i < count; ++i) futures.push_back(pool.submit(no_op));
  const double growth = resident_bytes() - before;

  pool.shutdown({.wait = false, .cancel_futures = true});
  ours.send(0);
  held.get();
  return {growth / static_cast<double>(count)};
}

Figures measure_pool_crowd(const Scale& scale) {
  const std::size_t count = scale.pick<std::size_t>(200'000, 2'000);
  const auto throughput = [&](unsigned workers) {
    shoal::ProcessPoolExecutor pool({.max_workers = workers});
    run_no_ops(pool, count / 10);  // warm
    return run_no_ops(pool, count) / 1e6;
  };
  const double few = throughput(2);
  return {few, throughput(scale.pick(256u, 16u))};
}

}  // namespace bench
