// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>

#include "shared/lock_state.hpp"

namespace shoal::shared {

/// A lock as one process has it, which the thread that holds it may take again. Which thread that
/// is, and how often it has it, is nobody's business but its process's.
class ReentrantLock : public LockState {
 public:
  using LockState::LockState;

  /// As those of LockState, whose `call`s they pass on.
  bool lock(Duration timeout, const char* call);
  /// @throws Error  this thread does not hold it
  void unlock(const char* call);
  bool take_over(const char* call);
  void abandon(const char* call);

  /// Gives up all of this thread's lock()s; how many there were.
  /// @throws Error  this thread does not hold it
  unsigned unlock_all(const char* call);
  /// Takes as many again.
  void lock_again(unsigned depth, const char* call);

  /// True in the thread that holds it.
  bool is_mine() const noexcept {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  void own(unsigned times) noexcept;
  void require(const char* call) const;

  std::atomic<std::thread::id> owner_{};  // a thread finds itself here only if it wrote itself
  unsigned depth_ = 0;                    // the owner's
};

}  // namespace shoal::shared
