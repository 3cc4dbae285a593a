// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/machine.hpp"

namespace shoal::model {
namespace {

constexpr unsigned kMostSteps = 4000;

}  // namespace

// --- steps --------------------------------------------------------------------------------------

void Machine::count_step() {
  ++parties_[running_]->steps;
  if (++outcome_.steps > kMostSteps) fail("the execution does not come to its end");
}

void Machine::step(const char* what) {
  count_step();
  give_turn(false);
  if (is_tracing_ && what != nullptr) write_trace(what);
}

void Machine::relax() {
  count_step();
  give_turn(true);
}

void Machine::sleep_on(std::uint64_t locations) {
  parties_[running_]->sleeps_on = locations;
  ready_ &= ~bit(running_);
  if (is_tracing_) write_trace("sleeps");
  give_turn(false);
}

int Machine::wake(Location location, int count) noexcept {
  int woken = 0;
  for (unsigned i = 0; i < parties_.size() && woken < count; ++i) {
    if ((parties_[i]->sleeps_on >> location & 1) == 0) continue;
    parties_[i]->sleeps_on = 0;
    ready_ |= bit(i);
    ++woken;
  }
  return woken;
}

std::uint64_t Machine::load(Location location, std::memory_order order) {
  step(nullptr);
  const Memory::Seen seen = memory_.load(sight(), location, order, *chooser_);
  if (is_tracing_) trace_access("reads", location, seen.value, seen.age);
  return seen.value;
}

void Machine::store(Location location, std::uint64_t value, std::memory_order order) {
  step(nullptr);
  if (!memory_.store(sight(), location, value, order)) fail("too many stores");
  if (is_tracing_) trace_access("stores", location, value, 0);
}

std::uint64_t Machine::add(Location location, std::uint64_t value, std::memory_order order) {
  step(nullptr);
  const std::uint64_t before = memory_.newest(location);
  if (!memory_.exchange(sight(), location, before + value, order)) fail("too many stores");
  if (is_tracing_) trace_access("adds up", location, before + value, 0);
  return before;
}

bool Machine::swap(Location location, std::uint64_t& expected, std::uint64_t desired,
                   std::memory_order success, std::memory_order failure) {
  step(nullptr);
  const auto [is_done, seen] =
      memory_.swap(sight(), location, expected, desired, success, failure, *chooser_);
  if (!is_done && seen.age == ~0U) fail("too many stores");
  if (is_tracing_ && is_done) trace_access("swaps in", location, desired, 0);
  if (is_tracing_ && !is_done) trace_access("fails to swap, reads", location, seen.value, seen.age);
  expected = seen.value;
  return is_done;
}

bool Machine::swap_weakly(Location location, std::uint64_t& expected, std::uint64_t desired,
                          std::memory_order success, std::memory_order failure) {
  if (!chooser_->pick_surprise()) return swap(location, expected, desired, success, failure);
  step("fails to swap, for nothing");
  return false;
}

void Machine::fence() {
  step("fence");
  if (!sight().weakness.fences) memory_.fence(sight());
}

void Machine::write_plain(const void* address) {
  if (!memory_.write_plain(sight(), address)) fail("a plain write races with another access");
  note("writes plain bytes");
}

void Machine::read_plain(const void* address) {
  if (!memory_.read_plain(sight(), address)) fail("a plain read races with another access");
  note("reads plain bytes");
}

// --- the kernel ---------------------------------------------------------------------------------

// A lock of the kernel's is between its look at the word and a wake, whatever comes first.
void Machine::futex_wait(Location location, std::uint64_t expected) {
  step("futex wait");
  memory_.fence(sight());
  const Memory::Seen seen = memory_.load(sight(), location, std::memory_order_relaxed, *chooser_);
  if (is_tracing_) trace_access("the kernel reads", location, seen.value, seen.age);
  if (seen.value != expected) return;
  if (chooser_->pick_surprise()) return note("is woken for nothing");
  sleep_on(std::uint64_t{1} << location);
}

// Likewise with each word: a wake that comes between two of the looks is remembered.
void Machine::futex_wait_any(std::span<const Expected> words) {
  step("futex wait on several");
  memory_.fence(sight());
  std::uint64_t sleeps_on = 0;
  for (const Expected& word : words) {
    const Memory::Seen seen =
        memory_.load(sight(), word.location, std::memory_order_relaxed, *chooser_);
    if (is_tracing_) trace_access("the kernel reads", word.location, seen.value, seen.age);
    if (seen.value != word.value) return;
    sleeps_on |= std::uint64_t{1} << word.location;
  }
  if (chooser_->pick_surprise()) return note("is woken for nothing");
  sleep_on(sleeps_on);
}

int Machine::futex_wake(Location location, int count) {
  step(nullptr);
  memory_.fence(sight());
  const int woken = wake(location, count);
  if (is_tracing_) trace_access("futex wake", location, static_cast<std::uint64_t>(woken), 0);
  return woken;
}

void Machine::kill(unsigned party) {
  step(nullptr);
  if (is_tracing_) write_trace("kills " + parties_[party]->name);
  if (parties_[party]->is_dead) return;
  doomed_ |= bit(party);
  mortal_ &= ~bit(party);
}

std::uint64_t Machine::read_kernel(Location location) noexcept {
  memory_.acquire_newest(sight(), location);
  return memory_.newest(location);
}

}  // namespace shoal::model
