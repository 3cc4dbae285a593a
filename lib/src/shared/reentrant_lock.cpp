// SPDX-License-Identifier: Apache-2.0
#include "shared/reentrant_lock.hpp"

namespace shoal::shared {

void ReentrantLock::own(unsigned times) noexcept {
  depth_ = times;
  owner_.store(times == 0 ? std::thread::id() : std::this_thread::get_id(),
               std::memory_order_relaxed);
}

// Of a forked copy, too, a thread may find itself here: self() tells it, as it does in LockState.
bool ReentrantLock::lock(Duration timeout, const char* call) {
  if (is_mine()) {
    static_cast<void>(self(call));
    ++depth_;
    return true;
  }
  if (!LockState::lock(timeout, call)) return false;
  own(1);
  return true;
}

void ReentrantLock::unlock(const char* call) {
  const bool is_last = is_mine() && depth_ == 1;
  if (!is_last) {
    require(call);
    --depth_;
    return;
  }
  own(0);
  LockState::unlock(call);
}

void ReentrantLock::require(const char* call) const {
  static_cast<void>(self(call));
  if (!is_mine()) fail_not_held(call, "this thread does not hold the lock");
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
