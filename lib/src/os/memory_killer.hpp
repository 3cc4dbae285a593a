// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shoal::os {

/// How many processes the kernel's memory killer has taken so far from this process's control
/// group (v2 and v1), or, where that is hidden, from the whole machine; none if nobody tells.
std::optional<std::uint64_t> memory_kills();

/// The number behind the word "oom_kill" in the text of memory.events, memory.oom_control or
/// /proc/vmstat.
std::optional<std::uint64_t> find_memory_kills(std::string_view text);

}  // namespace shoal::os
