// SPDX-License-Identifier: Apache-2.0
#include "pool/map_course.hpp"

#include <algorithm>
#include <utility>

#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// A buffer is refilled once so many parts of it, or one element, are free.
constexpr std::size_t kRefills = 16;
// How long a leisurely map reads on once every worker has something to do.
constexpr Duration kReadingTime = std::chrono::milliseconds(1);

}  // namespace

MapCourse::MapCourse(std::shared_ptr<ProcessPool> pool, const MapOptions& options,
                     internal::MapStyle style)
    : pool_(std::move(pool)),
      options_(options),
      style_(style),
      deadline_(base::Deadline::in(options.timeout)),
      generation_(process::Runtime::generation()) {
  if (style_.is_ordered) return;
  ledger_ = std::make_shared<Ledger>();
  ledger_->gives_parts = true;
}

bool MapCourse::is_elsewhere() const noexcept {
  return generation_ != process::Runtime::generation();
}

// --- reading ------------------------------------------------------------------------------------

std::size_t MapCourse::open(const internal::CallTarget& call,
                            std::unique_ptr<internal::MapSource> source) {
  call_ = call;
  source_ = std::move(source);
  if (!options_.progress.empty()) progress_ = Progress::unbounded(options_.progress);
  return read(options_.buffersize, 0);
}

std::size_t MapCourse::read_ahead(std::size_t outstanding) {
  const std::size_t size = options_.buffersize;
  if (source_ == nullptr || outstanding + std::max<std::size_t>(1, size / kRefills) > size) {
    return 0;
  }
  try {
    return read(size - outstanding, outstanding);
  } catch (...) {  // for who reaches the place of what could not be submitted
    source_ = nullptr;
    failure_ = std::current_exception();
    return 1;
  }
}

std::size_t MapCourse::read(std::size_t room, std::size_t outstanding) {
  internal::ItemEncoder items(pool_->argument_memory());
  bool goes_on = false;
  try {
    goes_on = fill(items, room, outstanding);
  } catch (...) {  // for who reaches its place
    failure_ = std::current_exception();
  }
  if (!goes_on) source_ = nullptr;
  std::vector<internal::ItemBatch> batches = std::move(items).finish();
  std::size_t count = failure_ == nullptr ? 0 : 1;
  for (const internal::ItemBatch& batch : batches) count += batch.count;
  submit(call_, std::move(batches));
  return count;
}

// False at the end of the input.
bool MapCourse::fill(internal::ItemEncoder& items, std::size_t room, std::size_t outstanding) {
  if (!style_.is_leisurely) return source_->read(items, room) == room;
  const std::size_t enough = pool_->worker_places();
  const base::Deadline end = base::Deadline::in(kReadingTime);
  for (std::size_t count = 0; count < room; ++count) {
    if (outstanding + count > enough && end.is_past()) break;
    if (source_->read(items, 1) == 0) return false;
  }
  return true;
}

void MapCourse::submit(const internal::CallTarget& call,
                       std::vector<internal::ItemBatch>&& batches) {
  for (internal::ItemBatch& batch : batches) {
    if (progress_) batch.counter = progress_->counter();
  }
  TaskRef first = pool_->submit(call, std::move(batches), options_, ledger_);
  if (first != nullptr) chains_.push_back(std::move(first));
}

// --- walking ------------------------------------------------------------------------------------

TaskRef MapCourse::next() {
  if (style_.is_ordered) {
    if (chains_.empty()) return nullptr;
    TaskRef first = std::move(chains_.front());
    chains_.pop_front();
    return first;
  }
  Engine& engine = Engine::instance();
  Engine::Lock lock(engine);
  TaskRef ended = ledger_->take();
  if (ended != nullptr || ledger_->unsettled == 0) return ended;
  engine.wait(lock, *ledger_, pool_->spin(), deadline_);
  ended = ledger_->take();
  if (ended != nullptr) return ended;
  throw TimeoutError("a map has no further result in time");
}

// Where parts come in whatever order, those that were read stay in their chain until all before
// them have been read too, but without their results.
TaskRef MapCourse::behind(TaskRef current) {
  if (style_.stays) return current->part->rest;
  if (style_.is_ordered) return std::exchange(current->part->rest, nullptr);
  current->payload = {};
  current->part->is_taken = true;
  while (!chains_.empty() && chains_.front()->part->is_taken) {
    TaskRef rest = std::move(chains_.front()->part->rest);
    chains_.front() = std::move(rest);
    if (chains_.front() == nullptr) chains_.pop_front();
  }
  return nullptr;
}

void MapCourse::drop(TaskRef current) {
  if (style_.stays) return;
  Engine& engine = Engine::instance();
  if (style_.is_ordered && current != nullptr) engine.drop(std::move(current));
  for (; !chains_.empty(); chains_.pop_front()) engine.drop(std::move(chains_.front()));
}

}  // namespace shoal::pool
