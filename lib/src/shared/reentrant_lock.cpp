// SPDX-License-Identifier: Apache-2.0
#include "shared/reentrant_lock.hpp"

namespace shoal::shared {

bool ReentrantLock::is_mine() const noexcept {
  return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void ReentrantLock::own(unsigned times) noexcept {
  depth_ = times;
  owner_.store(times == 0 ? std::thread::id() : std::this_thread::get_id(),
               std::memory_order_relaxed);
}

void ReentrantLock::require(const char* call) const {
  if (!is_mine()) fail_not_held(call, "this thread does not hold the lock");
}

bool ReentrantLock::lock(Duration timeout, const char* call) {
  static_cast<void>(self(call));
  if (is_mine()) {
    ++depth_;
    return true;
  }
  if (!LockState::lock(timeout, call)) return false;
  own(1);
  return true;
}

void ReentrantLock::unlock(const char* call) {
  static_cast<void>(self(call));
  require(call);
  if (--depth_ != 0) return;
  own(0);
  LockState::unlock(call);
}

bool ReentrantLock::take_over(const char* call) {
  if (!LockState::take_over(call)) return false;
  own(1);
  return true;
}

void ReentrantLock::abandon(const char* call) {
  own(0);
  LockState::abandon(call);
}

unsigned ReentrantLock::unlock_all(const char* call) {
  static_cast<void>(self(call));
  require(call);
  const unsigned depth = depth_;
  own(0);
  LockState::unlock(call);
  return depth;
}

void ReentrantLock::lock_again(unsigned depth, const char* call) {
  LockState::lock(forever, call);
  own(depth);
}

}  // namespace shoal::shared
