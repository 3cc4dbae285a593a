// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "shoal/duration.hpp"

namespace shoal::base {

/// A moment on the steady clock up to which something may wait; `never()` waits for ever.
/// Zero and negative durations are already past: they poll.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() noexcept { return Deadline(Clock::time_point::max()); }
  static Deadline now() noexcept { return Deadline(Clock::now()); }
  /// The moment `timeout` from now; `shoal::forever`, or one too far to count, is never().
  static Deadline in(Duration timeout) noexcept {
    if (timeout <= Duration::zero()) return now();
    const Clock::time_point start = Clock::now();
    if (timeout >= Clock::time_point::max() - start) return never();
    return Deadline(start + timeout);
  }
  /// A moment that is known already; the last one there is stands for never().
  static Deadline until(Clock::time_point at) noexcept { return Deadline(at); }

  /// That moment.
  static Deadline at(Clock::time_point moment) noexcept { return Deadline(moment); }

  bool is_never() const noexcept { return at_ == Clock::time_point::max(); }
  bool is_past() const noexcept { return !is_never() && Clock::now() >= at_; }
  /// What is left, at least zero; `shoal::forever` for never().
  Duration left() const noexcept {
    if (is_never()) return forever;
    return std::max(Duration::zero(), Duration(at_ - Clock::now()));
  }
  /// What is left in whole milliseconds, rounded up, as poll(2) wants it; -1 for never().
  int left_milliseconds() const noexcept {
    if (is_never()) return -1;
    const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left()).count();
    return static_cast<int>(std::min<long long>(whole, 1'000'000'000));
  }
  Clock::time_point at() const noexcept { return at_; }

  friend auto operator<=>(const Deadline&, const Deadline&) = default;

 private:
  explicit Deadline(Clock::time_point at) noexcept : at_(at) {}
  Clock::time_point at_;
};

}  // namespace shoal::base
