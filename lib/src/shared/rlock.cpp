// SPDX-License-Identifier: Apache-2.0
#include "shared/reentrant_lock.hpp"
#include "shoal/lock.hpp"

namespace shoal {

using shared::LockState;

struct RLock::State : shared::ReentrantLock {
  using ReentrantLock::ReentrantLock;
};

RLock::RLock(OnOwnerDeath on_owner_death)
    : state_(shared::create_object<State>(LockState::options(shared::kReentrant), on_owner_death)) {
}

void RLock::lock() const { state_->lock(forever, "RLock::lock"); }
bool RLock::try_lock_for(Duration timeout) const { return state_->lock(timeout, "RLock::lock"); }
void RLock::unlock() const { state_->unlock("RLock::unlock"); }
bool RLock::take_over() const { return state_->take_over("RLock::recover"); }
void RLock::abandon() const { state_->abandon("RLock::recover"); }
unsigned RLock::unlock_all() const { return state_->unlock_all("Condition::wait"); }
void RLock::lock_again(unsigned depth) const { state_->lock_again(depth, "Condition::wait"); }

void Codec<RLock>::encode(Writer& writer, const RLock& lock) { lock.state_->encode(writer); }

RLock Codec<RLock>::decode(Reader& reader) {
  return RLock(
      shared::receive_object<RLock::State>(reader, shared::Kind::lock, shared::kReentrant));
}

}  // namespace shoal
