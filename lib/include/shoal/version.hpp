// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace shoal {

/// The version of the headers this program was compiled with; a test holds it equal to the
/// project's.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr std::string_view version_string = "0.1.0";

}  // namespace shoal
