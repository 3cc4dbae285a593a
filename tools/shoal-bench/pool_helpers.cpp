// SPDX-License-Identifier: Apache-2.0
#include "pool_helpers.hpp"

#include <utility>
#include <vector>

#include "timing.hpp"

namespace bench {

void no_op() {}

double run_no_ops(shoal::ProcessPoolExecutor& pool, std::size_t count) {
  std::vector<shoal::Future<void>> futures;
  futures.reserve(count);
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < count; ++i) futures.push_back(pool.submit(no_op));
  // Each is given up as its result is read, as std::future::get() does for the peers.
  for (shoal::Future<void>& future : futures) std::exchange(future, {}).get();
  return static_cast<double>(count) / seconds_since(start);
}

}  // namespace bench
