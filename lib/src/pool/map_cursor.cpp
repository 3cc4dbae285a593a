// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "base/log.hpp"
#include "pool/engine.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"
#include "shoal/map_result.hpp"

namespace shoal::internal {

MapCursor::~MapCursor() {
  if (part_ == nullptr) return;
  if (part_->generation != process::Runtime::generation()) {
    // A copy of another process' parts, each of which would take the next one down.
    static_cast<void>(new std::shared_ptr<pool::Task>(std::move(part_)));
    return;
  }
  try {
    pool::Engine::instance().drop(std::move(part_));
  } catch (const std::exception& error) {  // no memory for the cancellation: they run
    base::log(LogLevel::warn, std::string("a map was not cancelled: ") + error.what());
  }
}

void MapCursor::swap(MapCursor& other) noexcept {
  std::swap(part_, other.part_);
  std::swap(left_, other.left_);
  std::swap(reader_, other.reader_);
  std::swap(values_, other.values_);
  std::swap(failures_, other.failures_);
  std::swap(is_loaded_, other.is_loaded_);
}

// Goes on to the part in which the next element is, once that is done.
void MapCursor::load() {
  for (;; part_ = std::exchange(part_->part->rest, nullptr), is_loaded_ = false) {
    if (!is_loaded_) {
      pool::check_generation(*part_);
      pool::Engine::instance().wait(*part_, base::Deadline::never());
      const pool::Part& part = *part_->part;
      values_ = part.done;
      failures_ = part.count - part.done;
      reader_ = Reader(part_->payload.bytes().first(part_->payload.bytes().size() - part.error_bytes),
                       part_->payload.descriptors());
      is_loaded_ = true;
    }
    if (values_ > 0) return;
    if (failures_ > 0) pool::raise_failure(*part_);
  }
}

}  // namespace shoal::internal
