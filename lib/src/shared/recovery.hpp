// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "shared/object_layout.hpp"
#include "sync/participant.hpp"

// What a hub does for each kind of object. It is the only one who repairs, one object at a time,
// while the living go on using it.

namespace shoal::shared {

/// One repair: what a dead participant has left in one object.
struct Recovery {
  std::span<std::byte> memory;  ///< the object behind its header
  sync::ParticipantId dead = sync::kNobody;
  /// Forgets the descriptors that were left with the hub under a token.
  std::function<void(std::uint64_t token)> drop_deposit;
};

/// Takes back what `dead` held, and decides what it had begun: all or nothing.
void recover(Kind kind, const Recovery& recovery) noexcept;

/// Wakes all that sleep on the object: who should have may be dead. `bell`: its own, or -1.
void wake_all(Kind kind, std::span<std::byte> memory, int bell) noexcept;

}  // namespace shoal::shared
