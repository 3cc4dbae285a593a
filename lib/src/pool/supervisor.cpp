// SPDX-License-Identifier: Apache-2.0
#include "pool/supervisor.hpp"

#include <algorithm>
#include <new>

namespace shoal::pool {
namespace {

constexpr const char* kBroken = "the pool is broken and runs no more tasks, make another: ";

}  // namespace

void Supervisor::resize(unsigned count) {
  if (count > places_.size()) places_.resize(count);
  wanted_ = count;
}

void Supervisor::on_starting(WorkerIndex index) {
  places_[index].is_starting = true;
  ++starting_;
}

void Supervisor::on_started(WorkerIndex index) {
  Place& place = places_[index];
  if (place.is_starting) --starting_;
  place = {};
  place.is_present = true;
  ++present_;
}

bool Supervisor::on_ready(WorkerIndex index) {
  Place& place = places_[index];
  if (!place.is_present || place.is_ready) return false;
  place.is_ready = true;
  ++ready_;
  failed_starts_ = 0;
  return true;
}

bool Supervisor::dismiss(WorkerIndex index) {
  Place& place = places_[index];
  if (!place.is_present || place.is_dismissed) return false;
  place.is_dismissed = true;
  const bool hears = !place.is_deaf;
  place.is_deaf = true;
  return hears;
}

std::optional<Duration> Supervisor::on_ended(WorkerIndex index) noexcept {
  const bool had_come = places_[index].is_ready || places_[index].is_dismissed;
  vacate(index);
  if (!broken_reason_.empty()) return std::nullopt;
  if (had_come) return Duration::zero();
  return on_failure("workers end before they are ready");
}

std::optional<Duration> Supervisor::on_start_failed(WorkerIndex index,
                                                    std::string_view reason) noexcept {
  vacate(index);
  return on_failure(reason);
}

void Supervisor::vacate(WorkerIndex index) noexcept {
  Place& place = places_[index];
  if (place.is_starting) --starting_;
  if (place.is_present) --present_;
  if (place.is_ready) --ready_;
  place = {};
}

void Supervisor::on_loss(TimePoint now, const RestartIntensity& allowed,
                         std::string_view task) noexcept try {
  losses_.push_back(now);
  while (now - losses_.front() > allowed.within) losses_.pop_front();
  if (losses_.size() <= allowed.restarts || !broken_reason_.empty()) return;
  const auto within = std::chrono::duration_cast<std::chrono::milliseconds>(allowed.within);
  broken_reason_ = kBroken + std::to_string(losses_.size()) + " workers died within " +
                   std::to_string(within.count()) + " ms in which no task was finished" +
                   (task.empty() ? "" : ", the last one with task " + std::string(task)) +
                   " (PoolOptions::restart)";
} catch (const std::bad_alloc&) {
}

void Supervisor::on_broken(const std::string& reason) {
  if (broken_reason_.empty()) broken_reason_ = kBroken + reason;
}

// By repeated failures. Without the memory to say of which, it is broken all the same.
void Supervisor::break_down(std::string_view reason) noexcept {
  try {
    on_broken(std::string(reason) + " (" + std::to_string(failed_starts_) + " times in a row)");
  } catch (const std::bad_alloc&) {
    broken_reason_ = "out of memory";  // so short a text needs none
  }
}

std::optional<Duration> Supervisor::on_failure(std::string_view reason) noexcept {
  constexpr Duration kFirstPause = std::chrono::milliseconds(10);
  constexpr unsigned kMostDoublings = 6;
  constexpr unsigned kLeastBudget = 8;
  ++failed_starts_;
  if (failed_starts_ >= std::max(kLeastBudget, 2 * wanted_) && ready_ == 0) {
    break_down(reason);
  }
  if (!broken_reason_.empty()) return std::nullopt;
  if (failed_starts_ == 1) return Duration::zero();
  return kFirstPause * (1 << std::min(failed_starts_ - 2, kMostDoublings));
}

}  // namespace shoal::pool
