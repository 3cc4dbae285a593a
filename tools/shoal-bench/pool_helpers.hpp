// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <shoal/shoal.hpp>

namespace bench {

inline constexpr std::size_t kLargeBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMapItems = 10'000'000;

void no_op();

/// Submits `count` no-op tasks one by one, then gets every result: tasks per second.
double run_no_ops(shoal::ProcessPoolExecutor& pool, std::size_t count);

}  // namespace bench
