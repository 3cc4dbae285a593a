// SPDX-License-Identifier: Apache-2.0
#include "pool/watch.hpp"

#include <algorithm>
#include <utility>

#include "base/scope_exit.hpp"
#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "process/runtime.hpp"

namespace shoal::pool {

Watch::Watch(std::vector<TaskRef> tasks)
    : tasks_(std::move(tasks)),
      links_(tasks_.size()),
      left_(tasks_.size()),
      generation_(process::Runtime::generation()) {
  const Engine::Lock lock(Engine::instance());
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    links_[i].waiter = &self_;
    links_[i].index = i;
    if (tasks_[i]->is_done()) {
      self_.arrive(links_[i], tasks_[i]->has_failed());
    } else {
      self_.spin = std::max(self_.spin, tasks_[i]->pool->spin());
      add_link(tasks_[i]->waiters, links_[i]);
    }
  }
}

// In a forked copy the links stand in copies of the lists, which nobody walks.
Watch::~Watch() {
  if (left_ == 0 || generation_ != process::Runtime::generation()) return;
  const Engine::Lock lock(Engine::instance());
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    if (tasks_[i] != nullptr) remove_link(tasks_[i]->waiters, links_[i]);
  }
}

bool Watch::wait(std::size_t count, bool ends_at_failure, base::Deadline deadline) {
  Engine& engine = Engine::instance();
  Engine::Lock lock(engine);
  for (; const WaiterLink* const link = self_.take(); ++done_) {
    has_failed_ = has_failed_ || tasks_[link->index]->has_failed();
  }
  if (done_ >= count || (ends_at_failure && has_failed_)) return true;
  self_.wanted = count - done_;
  self_.ends_at_failure = ends_at_failure;
  return engine.wait(lock, self_, deadline);
}

TaskRef Watch::next(base::Deadline deadline) {
  Engine& engine = Engine::instance();
  Engine::Lock lock(engine);
  if (self_.first_done == nullptr) {
    self_.wanted = 1;
    if (!engine.wait(lock, self_, deadline)) return nullptr;
  }
  --left_;
  return std::exchange(tasks_[self_.take()->index], nullptr);
}

}  // namespace shoal::pool
