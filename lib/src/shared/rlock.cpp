// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <thread>

#include "shared/lock_state.hpp"
#include "shoal/lock.hpp"

namespace shoal {

using shared::LockState;

// Which thread holds the lock, and how often, is nobody's business but its process's.
struct RLock::State : LockState {
  using LockState::LockState;

  bool is_mine() const noexcept { return owner.load(std::memory_order_relaxed) == me(); }
  void own(unsigned times) noexcept {
    depth = times;
    owner.store(times == 0 ? std::thread::id() : me(), std::memory_order_relaxed);
  }
  void require(const char* call) const {
    if (!is_mine()) shared::fail_not_held(call, "this thread does not hold the lock");
  }
  static std::thread::id me() noexcept { return std::this_thread::get_id(); }

  std::atomic<std::thread::id> owner{};  // a thread finds itself here only if it wrote itself
  unsigned depth = 0;                    // the owner's
};

RLock::RLock(OnOwnerDeath on_owner_death)
    : state_(shared::create_object<State>(LockState::options(shared::kReentrant), on_owner_death)) {
}

void RLock::lock() const { try_lock_for(forever); }

bool RLock::try_lock_for(Duration timeout) const {
  State& state = *state_;
  static_cast<void>(state.self("RLock::lock"));
  if (state.is_mine()) {
    ++state.depth;
    return true;
  }
  if (!state.lock(timeout, "RLock::lock")) return false;
  state.own(1);
  return true;
}

void RLock::unlock() const {
  State& state = *state_;
  static_cast<void>(state.self("RLock::unlock"));
  state.require("RLock::unlock");
  if (--state.depth != 0) return;
  state.own(0);
  state.unlock("RLock::unlock");
}

bool RLock::take_over() const {
  if (!state_->take_over("RLock::recover")) return false;
  state_->own(1);
  return true;
}

void RLock::abandon() const {
  state_->own(0);
  state_->abandon("RLock::recover");
}

unsigned RLock::unlock_all() const {
  State& state = *state_;
  static_cast<void>(state.self("Condition::wait"));
  state.require("Condition::wait");
  const unsigned depth = state.depth;
  state.own(0);
  state.unlock("Condition::wait");
  return depth;
}

void RLock::lock_again(unsigned depth) const {
  state_->lock(forever, "Condition::wait");
  state_->own(depth);
}

void Codec<RLock>::encode(Writer& writer, const RLock& lock) { lock.state_->encode(writer); }

RLock Codec<RLock>::decode(Reader& reader) {
  return RLock(
      shared::receive_object<RLock::State>(reader, shared::Kind::lock, shared::kReentrant));
}

}  // namespace shoal
