// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "base/deadline.hpp"
#include "shared/object.hpp"
#include "shared/sync_layouts.hpp"
#include "shoal/lock.hpp"

namespace shoal::shared {

/// A lock as one process has it.
class LockState : public Object {
 public:
  explicit LockState(Parts parts);
  LockState(Parts parts, OnOwnerDeath on_owner_death);
  /// The last handle of the process goes: what was taken by one, and is still held, is left behind
  /// as if the process had died.
  ~LockState() override;

  static ObjectOptions options(std::uint64_t type);

  /// False if it could not be had within `timeout`. `call`: for errors.
  /// @throws OwnerDiedError
  bool lock(Duration timeout, const char* call);
  /// @throws Error  nobody holds it
  void unlock(const char* call);
  /// Takes it from an owner that died; false if it is free.
  /// @throws Error  its owner lives
  bool take_over(const char* call);
  /// Leaves it as if its owner had died.
  void abandon(const char* call);

 private:
  using Word = sync::Lock<sync::Hardware>;

  bool take(Duration timeout, const char* call);
  bool is_taken(sync::Taken taken, sync::ParticipantId me, const char* call);
  bool poll(sync::ParticipantId me, const char* call);
  bool wait(sync::ParticipantId me, base::Deadline deadline, const char* call);

  LockMemory& memory_;
  std::atomic<bool> was_taken_here_{false};
};

/// Throws the OwnerDiedError of a hub that died: `call` was waiting for something of its.
[[noreturn]] void fail_for_hub(const Object& object, const char* call);

/// Throws what unlocking a lock that is not held gives.
[[noreturn]] void fail_not_held(const char* call, const char* why);

}  // namespace shoal::shared
