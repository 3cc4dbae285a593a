// SPDX-License-Identifier: Apache-2.0
#include "shared/recovery.hpp"

#include <array>

#include "os/event.hpp"
#include "shared/recover_queue.hpp"
#include "shared/recover_sync.hpp"

namespace shoal::shared {
namespace {

struct Nurse {
  void (*recover)(const Recovery& recovery) noexcept = nullptr;
  void (*wake_all)(std::span<std::byte> memory) noexcept = nullptr;
};

// By Kind.
constexpr std::array<Nurse, kKinds> kNurses{{
    {},
    {recover_queue, wake_queue},
    {recover_lock, wake_lock},
    {recover_semaphore, wake_semaphore},
    {recover_condition, wake_condition},
    {nullptr, wake_event},
    {recover_barrier, wake_barrier},
    {recover_lock, wake_lock},  // of a Value
    {},
    {recover_lock, wake_lock},  // of an Array
    {},
    {nullptr, wake_atomic},
    {recover_lock, wake_lock},  // a heap begins with its lock
}};

}  // namespace

void recover(Kind kind, const Recovery& recovery) noexcept {
  const Nurse& nurse = kNurses[static_cast<std::uint32_t>(kind)];
  if (nurse.recover != nullptr) nurse.recover(recovery);
}

void wake_all(Kind kind, std::span<std::byte> memory, int bell) noexcept {
  const Nurse& nurse = kNurses[static_cast<std::uint32_t>(kind)];
  if (nurse.wake_all != nullptr) nurse.wake_all(memory);
  if (bell >= 0) os::ring(bell);
}

}  // namespace shoal::shared
