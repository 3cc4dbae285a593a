// SPDX-License-Identifier: Apache-2.0
#include "shared/lock_state.hpp"

#include <string>
#include <system_error>

#include "os/host.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

// About what it takes to sleep and to be woken on the same CPU.
constexpr unsigned kPolls = 100;

// One who has waited for so long is not overtaken any more.
constexpr Duration kPatience = std::chrono::milliseconds(1);

}  // namespace

void fail_for_hub(const Object& object, const char* call) {
  throw OwnerDiedError(std::string(call) + ": process " + std::to_string(object.hub_pid()) +
                       ", which made the object and looked after it, died; make a new one");
}

void fail_not_held(const char* call, const char* why) {
  throw Error(std::make_error_code(std::errc::operation_not_permitted),
              std::string(call) + ": " + why);
}

LockState::LockState(Parts parts)
    : Object(std::move(parts)), memory_(memory_in<LockMemory>(memory())) {}

LockState::LockState(Parts parts, OnOwnerDeath on_owner_death) : LockState(std::move(parts)) {
  memory_.is_taken_over.store(on_owner_death == OnOwnerDeath::acquire, std::memory_order_relaxed);
}

LockState::~LockState() {
  if (is_copy() || !was_taken_here_.load(std::memory_order_relaxed)) return;
  const sync::ParticipantId me = self("Lock");
  if (memory_.word.owner() == me) memory_.word.abandon(me);
}

ObjectOptions LockState::options(std::uint64_t type) {
  return {.kind = Kind::lock, .type = type, .bytes = sizeof(LockMemory)};
}

bool LockState::lock(Duration timeout, const char* call) {
  if (!take(timeout, call)) return false;
  was_taken_here_.store(true, std::memory_order_relaxed);
  return true;
}

// A lock that is free costs no look at the clock.
bool LockState::take(Duration timeout, const char* call) {
  const sync::ParticipantId me = self(call);
  if (is_taken(memory_.word.try_take_in_turn({me}), me, call)) return true;
  if (timeout <= Duration::zero()) return is_taken(memory_.word.try_take(me), me, call);
  const base::Deadline deadline = base::Deadline::in(timeout);
  return poll(me, call) || wait(me, deadline, call);
}

// Whatever else is wrong, a lock of a dead owner is an error, or taken over.
bool LockState::is_taken(sync::Taken taken, sync::ParticipantId me, const char* call) {
  if (taken != sync::Taken::owner_died) return taken == sync::Taken::yes;
  if (memory_.is_taken_over.load(std::memory_order_relaxed) != 0) return memory_.word.take_over(me);
  throw OwnerDiedError(std::string(call) +
                       ": the process that held the lock died; call recover() when what it guards "
                       "is in order again, or make the lock with OnOwnerDeath::acquire");
}

bool LockState::poll(sync::ParticipantId me, const char* call) {
  static const bool has_several_cpus = os::usable_cpus() > 1;
  if (!has_several_cpus) return false;
  for (unsigned i = 0; i < kPolls; ++i) {
    sync::Hardware::relax();
    if (memory_.word.is_held()) continue;
    if (is_taken(memory_.word.try_take_in_turn({me}), me, call)) return true;
  }
  return false;
}

bool LockState::wait(sync::ParticipantId me, base::Deadline deadline, const char* call) {
  const auto start = base::Deadline::Clock::now();
  for (Word::Waiter waiter{me};;) {
    const auto sleeps_at = base::Deadline::Clock::now();
    waiter.is_impatient = sleeps_at - start > kPatience;
    if (is_taken(memory_.word.take_or_sleep(waiter, second_look(deadline)), me, call)) return true;
    const bool is_late = base::Deadline::Clock::now() - sleeps_at >= kSecondLook;
    const bool has_hub_died = is_late && !is_hub_alive();
    if (!has_hub_died && !deadline.is_past()) continue;
    if (is_taken(memory_.word.give_up(waiter), me, call)) return true;
    if (has_hub_died) fail_for_hub(*this, call);
    return false;
  }
}

void LockState::unlock(const char* call) {
  static_cast<void>(self(call));
  was_taken_here_.store(false, std::memory_order_relaxed);
  if (!memory_.word.unlock()) fail_not_held(call, "nobody holds the lock");
}

bool LockState::take_over(const char* call) {
  if (memory_.word.take_over(self(call))) {
    was_taken_here_.store(true, std::memory_order_relaxed);
    return true;
  }
  if (memory_.word.is_held()) {
    fail_not_held(call, "the lock is held by a process that lives; there is nothing to recover");
  }
  return false;
}

void LockState::abandon(const char* call) {
  was_taken_here_.store(false, std::memory_order_relaxed);
  memory_.word.abandon(self(call));
}

}  // namespace shoal::shared
