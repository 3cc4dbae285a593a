// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal::pool::simulation {

// User code runs once at most. Where the pool is forgiven a second run, it is written here, and
// why; each is a gap that somebody knows of.

/// What a worker that is ended for breaking the protocol had run, results that are thrown away
/// with it among that.
inline constexpr bool kForgivesViolators = false;
/// The elements of a part that had run when their worker died, its results not being in the reply
/// ring for want of room there.
inline constexpr bool kForgivesHiddenProgress = false;
/// The elements of a part whose results the parent has no room for.
inline constexpr bool kForgivesNoRoom = false;

/// Not a second run, but one that nobody wants: a part of a dropped map that its worker had taken,
/// and not begun, when it died; or that was split while its map was being dropped.
inline constexpr bool kForgivesUnwanted = false;

}  // namespace shoal::pool::simulation
