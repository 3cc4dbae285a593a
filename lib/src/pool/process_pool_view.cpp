// SPDX-License-Identifier: Apache-2.0
// What others see of a pool: its numbers and its timeline.
#include <utility>

#include "pool/process_pool.hpp"

namespace shoal::pool {

PoolStats ProcessPool::stats() {
  const Engine::Lock lock(engine_);
  const Dispatcher::Counts counts = dispatcher_.counts();
  PoolStats stats{.workers = counts.workers,
                  .idle = counts.idle,
                  .queued = counts.queued,
                  .running = counts.running,
                  .completed = counts.completed,
                  .failed = counts.failed,
                  .lost = counts.lost,
                  .restarted = counts.restarted,
                  .prefetch_depth = counts.prefetch_depth,
                  .revocations = counts.revocations,
                  .wakes = wakes_,
                  .spins = spins_of_the_dead_ + engine_.spins()};
  for (const auto& standing : workers_) {
    if (standing != nullptr) stats.spins += standing->worker.spins();
  }
  observer_.complete(stats);
  return stats;
}

void ProcessPool::trace(std::shared_ptr<Trace> trace) {
  std::shared_ptr<Trace> before;
  {
    const Engine::Lock lock(engine_);
    before = observer_.set_trace(std::move(trace));
    show();
  }
  if (before != nullptr) before->finish();
}

// Lets others see how things stand.
void ProcessPool::show() noexcept {
  observer_.set_counts(dispatcher_.counts());
  auto trace = observer_.take_wish();
  if (trace == nullptr) return;
  try {
    engine_.call_later([trace] { trace->write(); });
  } catch (const std::bad_alloc&) {
    observer_.wish_again();
  }
}

}  // namespace shoal::pool
