// SPDX-License-Identifier: Apache-2.0
#include "shoal/lock.hpp"

#include "shared/lock_state.hpp"

namespace shoal {

using shared::LockState;

struct Lock::State : LockState {
  using LockState::LockState;
};

Lock::Lock(OnOwnerDeath on_owner_death)
    : state_(shared::create_object<State>(LockState::options(shared::kPlain), on_owner_death)) {}

void Lock::lock() const { state_->lock(forever, "Lock::lock"); }
bool Lock::try_lock_for(Duration timeout) const {
  return state_->lock(timeout, "Lock::try_lock_for");
}
void Lock::unlock() const { state_->unlock("Lock::unlock"); }
bool Lock::take_over() const { return state_->take_over("Lock::recover"); }
void Lock::abandon() const { state_->abandon("Lock::recover"); }

void Codec<Lock>::encode(Writer& writer, const Lock& lock) { lock.state_->encode(writer); }

Lock Codec<Lock>::decode(Reader& reader) {
  return Lock(shared::receive_object<Lock::State>(reader, shared::Kind::lock, shared::kPlain));
}

}  // namespace shoal
