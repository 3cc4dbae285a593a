// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace shoal::sync {

/// A process among the users of one hub's objects. The hub that gave the id takes it back only once
/// everything that it was written on has been recovered.
using ParticipantId = std::uint16_t;

/// Written where something belongs to nobody.
inline constexpr ParticipantId kNobody = 0;

/// The largest id: 14 bits.
inline constexpr ParticipantId kLastParticipant = (1U << 14) - 1;

}  // namespace shoal::sync
