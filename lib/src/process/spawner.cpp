// SPDX-License-Identifier: Apache-2.0
#include "process/spawner.hpp"

#include <utility>

namespace shoal::process {

void Spawner::run(const std::function<void()>& errand) {
  {
    std::unique_lock lock(mutex_);
    if (thread_ == std::this_thread::get_id()) {
      lock.unlock();
      return errand();
    }
  }
  const std::lock_guard turn(turns_);
  std::unique_lock lock(mutex_);
  errand_ = &errand;
  is_called_.notify_one();
  is_done_.wait(lock, [&] { return errand_ == nullptr; });
}

void Spawner::post(Errands errands) noexcept {
  const std::lock_guard lock(mutex_);
  posted_.splice(posted_.end(), errands);
  is_called_.notify_one();
}

void Spawner::serve() {
  std::unique_lock lock(mutex_);
  thread_ = std::this_thread::get_id();
  for (;;) {
    is_called_.wait(lock, [&] { return errand_ != nullptr || !posted_.empty(); });
    if (errand_ != nullptr) {
      const std::function<void()>& errand = *errand_;
      lock.unlock();
      errand();
      lock.lock();
      errand_ = nullptr;
      is_done_.notify_one();
      continue;
    }
    Errands errand;
    errand.splice(errand.end(), posted_, posted_.begin());
    lock.unlock();
    errand.front()();
    errand.clear();  // what it holds may come back to us when it goes
    lock.lock();
  }
}

}  // namespace shoal::process
