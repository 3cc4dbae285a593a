// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "pool/engine.hpp"
#include "pool/map_course.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"
#include "shoal/map_result.hpp"

namespace shoal::internal {

MapCursor::~MapCursor() {
  if (part_ == nullptr && course_ == nullptr) return;
  if (course_ != nullptr ? course_->is_elsewhere()
                         : part_->generation != process::Runtime::generation()) {
    // A copy of another process' parts, each of which would take the next one down.
    static_cast<void>(new std::shared_ptr<pool::Task>(std::move(part_)));
    static_cast<void>(new std::shared_ptr<pool::MapCourse>(std::move(course_)));
    return;
  }
  try {
    if (course_ != nullptr) {
      course_->drop(std::move(part_));
    } else {
      pool::Engine::instance().drop(std::move(part_));
    }
  } catch (const std::exception& error) {  // no memory for the cancellation: they run
    base::log(LogLevel::warn, std::string("a map was not cancelled: ") + error.what());
  }
}

void MapCursor::swap(MapCursor& other) noexcept {
  std::swap(companion_, other.companion_);
  std::swap(part_, other.part_);
  std::swap(left_, other.left_);
  std::swap(reader_, other.reader_);
  std::swap(values_, other.values_);
  std::swap(failures_, other.failures_);
  std::swap(is_loaded_, other.is_loaded_);
  std::swap(course_, other.course_);
}

// Goes on to the part in which the next element is, once that is done.
void MapCursor::load() {
  for (;; leave_part()) {
    if (!is_loaded_) await_part();
    if (values_ > 0) return;
    if (failures_ > 0) raise();
  }
}

// What could not be read stands, as one element without a part, behind all the others.
void MapCursor::await_part() {
  if (!find_part()) {
    failures_ = 1;
    is_loaded_ = true;
    return;
  }
  pool::check_generation(*part_);
  const base::Deadline deadline =
      course_ == nullptr ? base::Deadline::never() : course_->deadline();
  if (!pool::Engine::instance().wait(*part_, deadline)) {
    throw TimeoutError("a map has no further result in time: task " + part_->name() + " goes on");
  }
  const pool::Part& part = *part_->part;
  values_ = part.done;
  failures_ = part.count - part.done;
  reader_ = Reader(part_->payload.bytes().first(part_->payload.bytes().size() - part.error_bytes),
                   part_->payload.descriptors());
  is_loaded_ = true;
}

bool MapCursor::find_part() {
  if (part_ == nullptr && course_ != nullptr) part_ = course_->next();
  return part_ != nullptr;
}

void MapCursor::leave_part() {
  is_loaded_ = false;
  if (course_ != nullptr) {
    part_ = course_->behind(std::move(part_));
  } else {
    part_ = std::exchange(part_->part->rest, nullptr);
  }
}

void MapCursor::raise() {
  read_ahead();
  if (part_ == nullptr) std::rethrow_exception(course_->failure());
  pool::raise_failure(*part_);
  throw std::bad_exception();  // not reached
}

void MapCursor::read_ahead() noexcept {
  if (course_ != nullptr) left_ += course_->read_ahead(left_ - 1);
}

}  // namespace shoal::internal
