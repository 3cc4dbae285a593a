// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal::process {

/// The one argument of a program that `spawn` executes, and the descriptor it announces: the
/// child's control socket. Everything else travels over that.
inline constexpr const char* kChildMarker = "--shoal-child=3";
inline constexpr int kChildControl = 3;

}  // namespace shoal::process
