// SPDX-License-Identifier: Apache-2.0
#include "shoal/pool.hpp"

#include <algorithm>
#include <csignal>
#include <future>
#include <stdexcept>

#include "pool/engine.hpp"
#include "pool/map_course.hpp"
#include "pool/process_pool.hpp"

namespace shoal {
namespace {

// How many elements a stream reads ahead: so many, and some chunks for each worker.
constexpr std::size_t kReadAhead = 1024;
constexpr std::size_t kChunksAhead = 4;

}  // namespace

Pool::Pool(unsigned processes) : Pool(PoolOptions{.max_workers = processes}) {}

Pool::Pool(const PoolOptions& options) : executor_(options) {}

Pool& Pool::operator=(Pool&& other) noexcept {
  Pool old(std::move(*this));
  executor_ = std::move(other.executor_);
  return *this;
}

Pool::~Pool() {
  if (executor_.pool_ == nullptr || executor_.is_elsewhere()) return;
  executor_.pool_->end_workers(SIGKILL);
  executor_.pool_->join();
}

void Pool::close() { executor_.shutdown({.wait = false}); }

void Pool::terminate() { executor_.pool().end_workers(SIGKILL); }

void Pool::join() {
  pool::ProcessPool& pool = executor_.pool();
  if (!pool.is_closed()) throw std::logic_error("Pool::join: call close() or terminate() first");
  pool.join();
  pool::Notifier& notifier = pool::Engine::instance().notifier();
  if (notifier.is_this_thread()) return;
  std::promise<void> called;
  notifier.post([&called] { called.set_value(); });
  called.get_future().wait();
}

std::shared_ptr<internal::MapHandle> Pool::submit_map(const internal::CallTarget& call,
                                                      std::vector<internal::ItemBatch> batches,
                                                      std::size_t chunksize) {
  std::size_t size = 0;
  for (const internal::ItemBatch& batch : batches) size += batch.count;
  auto ledger = std::make_shared<pool::Ledger>();
  auto first = executor_.pool().submit(call, std::move(batches), MapOptions{.chunksize = chunksize}, ledger);
  return std::make_shared<internal::MapHandle>(executor_.pool_, std::move(first), std::move(ledger),
                                               size);
}

internal::MapCursor Pool::submit_stream(const internal::CallTarget& call,
                                        std::unique_ptr<internal::MapSource> source,
                                        std::size_t chunksize, bool is_ordered) {
  const std::size_t chunks = kChunksAhead * executor_.pool().worker_places();
  const MapOptions options{
      .chunksize = chunksize,
      .buffersize = std::max(kReadAhead, chunks * std::min(chunksize, kReadAhead))};
  return executor_.submit_source(call, std::move(source), options,
                                 {.is_ordered = is_ordered, .is_leisurely = true});
}

Pool Context::pool(unsigned processes) const {
  return Pool(PoolOptions{.max_workers = processes, .context = *this});
}

}  // namespace shoal
