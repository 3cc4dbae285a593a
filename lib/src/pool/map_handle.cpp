// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "pool/engine.hpp"
#include "pool/map_course.hpp"
#include "pool/process_pool.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "shoal/async_result.hpp"

namespace shoal::internal {

using pool::Engine;

MapHandle::MapHandle(std::shared_ptr<pool::ProcessPool> pool, std::shared_ptr<pool::Task> first,
                     std::shared_ptr<pool::Ledger> ledger, std::size_t size) noexcept
    : pool_(std::move(pool)), first_(std::move(first)), ledger_(std::move(ledger)), size_(size) {}

// The parts are unlinked, since each would take the next one down in its destructor.
MapHandle::~MapHandle() {
  if (first_ == nullptr) return;
  if (first_->generation != process::Runtime::generation()) {
    static_cast<void>(new std::shared_ptr<pool::Task>(std::move(first_)));
    return;
  }
  std::vector<pool::TaskRef> parts;  // outlives the lock
  const Engine::Lock lock(Engine::instance());
  ledger_->is_forgotten = true;
  while (first_ != nullptr) {
    pool::TaskRef rest = std::move(first_->part->rest);
    parts.push_back(std::exchange(first_, std::move(rest)));
  }
}

bool MapHandle::wait(Duration timeout) const {
  if (first_ == nullptr) return true;
  pool::check_generation(*first_);
  Engine& engine = Engine::instance();
  Engine::Lock lock(engine);
  if (ledger_->unsettled == 0) return true;
  engine.wait(lock, *ledger_, pool_->spin(), base::Deadline::in(timeout));
  return ledger_->unsettled == 0;
}

bool MapHandle::has_values() const {
  const Engine::Lock lock(Engine::instance());
  return ledger_->failures == 0;
}

MapCursor MapHandle::results() const {
  auto course = std::make_shared<pool::MapCourse>(pool_, MapOptions{}, MapStyle{.stays = true});
  course->begin_at(first_);
  return {std::move(course), size_};
}

void MapHandle::call_when_done(std::function<void()> callback) const {
  Engine::instance().call_when_done(*ledger_,
                                    std::make_unique<pool::Callback>(std::move(callback)));
}

}  // namespace shoal::internal
