// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "shared/recovery.hpp"

// The repair of locks and the like, and the wakes after it. Memory that is too small is left alone.

namespace shoal::shared {

void recover_lock(const Recovery& recovery) noexcept;
void wake_lock(std::span<std::byte> memory) noexcept;
void recover_semaphore(const Recovery& recovery) noexcept;
void wake_semaphore(std::span<std::byte> memory) noexcept;
void recover_condition(const Recovery& recovery) noexcept;
void wake_condition(std::span<std::byte> memory) noexcept;
void wake_event(std::span<std::byte> memory) noexcept;
void recover_barrier(const Recovery& recovery) noexcept;
void wake_barrier(std::span<std::byte> memory) noexcept;
void wake_atomic(std::span<std::byte> memory) noexcept;

}  // namespace shoal::shared
