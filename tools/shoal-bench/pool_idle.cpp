// SPDX-License-Identifier: Apache-2.0
// S12.
#include <unistd.h>

#include <shoal/shoal.hpp>
#include <stdexcept>
#include <thread>

#include "pool_helpers.hpp"
#include "pool_states.hpp"
#include "proc_files.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;

int worker_pid() { return getpid(); }

}  // namespace

Figures measure_pool_idle(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 2});
  run_no_ops(pool, 1'000);
  std::this_thread::sleep_for(scale.pick(2'000ms, 100ms));
  const Usage before = usage_of_family();
  if (before.cpu_ns == 0 || before.switches == 0) {
    throw std::runtime_error("this kernel does not tell what threads have used");
  }
  std::this_thread::sleep_for(scale.pick(5'000ms, 200ms));
  const Usage after = usage_of_family();
  const double worker_kb = private_kb(pool.submit(worker_pid).get());
  return {static_cast<double>(after.cpu_ns - before.cpu_ns) / 1e6,
          static_cast<double>(after.switches - before.switches), worker_kb};
}

}  // namespace bench
