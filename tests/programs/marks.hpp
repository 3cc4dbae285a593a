// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal::test {

/// What failing_host tells its tracer by getpriority(kMark, …), which fails.
inline constexpr int kMark = 0x5348;
inline constexpr int kBegin = 1;
inline constexpr int kEnd = 2;

}  // namespace shoal::test
