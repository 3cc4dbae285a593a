// SPDX-License-Identifier: Apache-2.0
#include "shared/memories.hpp"

#include <new>
#include <utility>

#include "base/log.hpp"
#include "process/child.hpp"
#include "process/runtime.hpp"
#include "shared/commons.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

// Whoever sees a child die looks for what it left, even where only that child used names.
void sweep_after_violent_end() noexcept try { sweep_named(); } catch (const std::bad_alloc&) {
  // the next one may have memory
}

[[maybe_unused]] const bool registered = [] {
  process::call_after_violent_end(sweep_after_violent_end);
  return true;
}();

}  // namespace

Memories& Memories::instance() { return Commons::instance().memories(); }

std::shared_ptr<const SharedFile> Memories::find(os::FileId id) {
  const std::lock_guard guard(mutex_);
  const auto found = memories_.find(id);
  return found == memories_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const SharedFile> Memories::enter(SharedFile memory) {
  const std::shared_ptr<const SharedFile> entered(new SharedFile(std::move(memory)),
                                                  [](const SharedFile* last) {
                                                    const os::FileId id = last->id;
                                                    delete last;
                                                    instance().forget(id);
                                                  });
  const std::lock_guard guard(mutex_);
  std::weak_ptr<const SharedFile>& entry = memories_[entered->id];
  if (std::shared_ptr<const SharedFile> present = entry.lock()) return present;
  entry = entered;
  return entered;
}

// Another thread may have entered it anew meanwhile.
void Memories::forget(os::FileId id) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = memories_.find(id);
  if (found != memories_.end() && found->second.expired()) memories_.erase(found);
}

// --- names --------------------------------------------------------------------------------------

void Memories::own(std::string name, os::FileId id, os::UnforkedFd owner) {
  const std::lock_guard guard(mutex_);
  if (!std::exchange(is_exit_armed_, true)) {
    process::Runtime::instance().at_exit([this] { remove_all_names(); });
  }
  owned_.emplace(id, Owned{std::move(name), std::move(owner)});
}

void Memories::disown(os::FileId id) noexcept {
  const std::lock_guard guard(mutex_);
  owned_.erase(id);
}

void Memories::remove_all_names() {
  const std::lock_guard guard(mutex_);
  std::string names;
  unsigned count = 0;
  for (const auto& [id, owned] : std::exchange(owned_, {})) {
    try {
      remove_named(owned.name, id);
    } catch (const Error&) {
      continue;  // somebody else has removed it
    }
    ++count;
    names += (names.empty() ? "" : ", ") + owned.name;
  }
  if (count == 0) return;
  base::log(LogLevel::warn, std::to_string(count) +
                                " leaked shared memory segment(s) of this process removed at its "
                                "end, nobody called unlink(): " +
                                names);
}

void Memories::sweep() {
  using Clock = base::Deadline::Clock;
  constexpr int kShare = 10;
  const Clock::time_point start = Clock::now();
  // relaxed: two that sweep at the same time do no harm
  const auto next = next_sweep_.load(std::memory_order_relaxed);
  if (start.time_since_epoch().count() < next) return;
  sweep_named();
  const Clock::time_point end = Clock::now();
  next_sweep_.store((end + kShare * (end - start)).time_since_epoch().count(),
                    std::memory_order_relaxed);
}

}  // namespace shoal::shared
