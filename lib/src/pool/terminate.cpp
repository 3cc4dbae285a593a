// SPDX-License-Identifier: Apache-2.0
// How a pool is ended by force.
#include "pool/engine.hpp"
#include "pool/process_pool.hpp"

namespace shoal::pool {

void ProcessPool::kill_workers() {
  const Engine::Lock lock(engine_);
  is_killed_ = true;
  dispatcher_.on_close(true);
  for (const auto& standing : workers_) {
    if (standing != nullptr) kill(standing->worker);
  }
  finish_if_done();
}

bool ProcessPool::is_closed() {
  const Engine::Lock lock(engine_);
  return dispatcher_.is_closed();
}

}  // namespace shoal::pool
