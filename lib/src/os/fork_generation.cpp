// SPDX-License-Identifier: Apache-2.0
#include "os/fork_generation.hpp"

#include <pthread.h>

namespace shoal::os {
namespace {

std::atomic<std::uint32_t> generation{0};

// Before main, so that no fork of this process is missed.
[[maybe_unused]] const int registered =
    ::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });

}  // namespace

std::uint32_t fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

const std::atomic<std::uint32_t>& fork_generation_word() noexcept { return generation; }

}  // namespace shoal::os
