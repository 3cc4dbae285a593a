// SPDX-License-Identifier: Apache-2.0
#include "shoal/completion.hpp"

#include "base/deadline.hpp"
#include "pool/watch.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {

bool Completion::add(const FutureBase& future) {
  const pool::Task& task = future.task();
  if (!known_.insert(&task).second) return false;
  tasks_.push_back(future.task_);
  return true;
}

void Completion::begin(Duration timeout) {
  known_ = {};
  deadline_ = base::Deadline::in(timeout).at();
  watch_ = std::make_shared<pool::Watch>(std::move(tasks_));
}

void Completion::wait(ReturnWhen when) {
  const std::size_t all = watch_->size();
  const std::size_t wanted = when == ReturnWhen::first_completed && all > 0 ? 1 : all;
  watch_->wait(wanted, when == ReturnWhen::first_exception, base::Deadline::until(deadline_));
}

std::shared_ptr<pool::Task> Completion::next() {
  std::shared_ptr<pool::Task> task = watch_->next(base::Deadline::until(deadline_));
  if (task != nullptr) return task;
  throw TimeoutError(std::to_string(watch_->left()) + " (of " + std::to_string(watch_->size()) +
                     ") futures unfinished");
}

std::size_t Completion::left() const noexcept { return watch_ == nullptr ? 0 : watch_->left(); }

}  // namespace shoal::internal
