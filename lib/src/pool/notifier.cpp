// SPDX-License-Identifier: Apache-2.0
#include "pool/notifier.hpp"

#include <exception>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "process/runtime.hpp"

namespace shoal::pool {
namespace {

void call(const std::function<void()>& notice) noexcept {
  try {
    notice();
  } catch (const std::exception& error) {
    base::log(LogLevel::error, std::string("a callback has thrown: ") + error.what());
  } catch (...) {
    base::log(LogLevel::error, "a callback has thrown what is no std::exception");
  }
}

}  // namespace

void Notifier::post(std::function<void()> notice) {
  {
    const std::lock_guard guard(mutex_);
    if (start()) {
      notices_.push_back(std::move(notice));
      changed_.notify_all();
      return;
    }
  }
  call(notice);
}

bool Notifier::drain(base::Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto is_empty = [&] { return notices_.empty(); };
  if (!deadline.is_never()) return changed_.wait_until(lock, deadline.at(), is_empty);
  changed_.wait(lock, is_empty);
  return true;
}

// Starting the thread takes the Runtime's locks, none of which is held while ours is taken.
bool Notifier::start() {
  if (is_started_) return true;
  is_started_ = static_cast<bool>(
      process::Runtime::instance().start_own_thread("shoal-notifier", [this] { serve(); }));
  return is_started_;
}

void Notifier::serve() {
  for (std::unique_lock lock(mutex_);;) {
    changed_.wait(lock, [&] { return !notices_.empty(); });
    const std::function<void()> notice = std::move(notices_.front());
    lock.unlock();
    call(notice);
    lock.lock();
    notices_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace shoal::pool
