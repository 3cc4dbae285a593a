// SPDX-License-Identifier: Apache-2.0
#include "pool/notifier.hpp"

#include <exception>
#include <new>
#include <utility>

#include "base/log.hpp"
#include "process/runtime.hpp"

namespace shoal::pool {

void Notifier::call(const std::function<void()>& notice) noexcept {
  try {
    notice();
  } catch (const std::exception& error) {
    base::log(LogLevel::error, "a callback has thrown: ", error.what());
  } catch (...) {
    base::log(LogLevel::error, "a callback has thrown what is no std::exception");
  }
}

void Notifier::post(std::function<void()> notice) {
  try {
    const std::lock_guard guard(mutex_);
    if (start()) {
      notices_.push_back(std::move(notice));
      changed_.notify_all();
      return;
    }
  } catch (const std::bad_alloc&) {  // as without a thread
  }
  call(notice);
}

void Notifier::post_at(base::Deadline deadline, std::function<void()> notice) {
  const std::lock_guard guard(mutex_);
  if (!start()) return;
  later_.emplace(deadline, std::move(notice));
  changed_.notify_all();
}

bool Notifier::drain(base::Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto is_empty = [&] { return notices_.empty() && calling_ == 0; };
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

void Notifier::await_notice(std::unique_lock<std::mutex>& lock) {
  while (notices_.empty()) {
    if (later_.empty()) {
      changed_.wait(lock);
    } else if (later_.begin()->first.is_past()) {
      notices_.push_back(std::move(later_.extract(later_.begin()).mapped()));
    } else {
      changed_.wait_until(lock, later_.begin()->first.at());
    }
  }
}

void Notifier::serve() {
  thread_ = std::this_thread::get_id();
  for (std::unique_lock lock(mutex_);;) serve_one(lock);
}

void Notifier::serve_one(std::unique_lock<std::mutex>& lock) {
  await_notice(lock);
  std::function<void()> notice = std::move(notices_.front());
  notices_.pop_front();
  ++calling_;
  lock.unlock();
  call(notice);
  notice = nullptr;  // what it holds may come back to us when it goes
  lock.lock();
  --calling_;
  changed_.notify_all();
}

void Notifier::go_on_until(const std::function<bool()>& is_over) {
  while (!is_over()) {
    std::unique_lock lock(mutex_);
    serve_one(lock);
  }
}

}  // namespace shoal::pool
