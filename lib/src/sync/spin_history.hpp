// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "shoal/duration.hpp"

namespace shoal::sync {

/// Remembers whether polling before sleeping has paid, for one who waits again and again. After
/// kPatience polls that found nothing it advises to sleep at once; waits that then turn out short
/// earn another try, each failed try twice as many as the one before. Where the other side needs
/// this CPU to run at all, every wait is short and no poll ever pays: hence the doubling.
class SpinHistory {
 public:
  static constexpr unsigned kPatience = 8;
  static constexpr unsigned kMostShortWaits = 1024;
  /// A sleep no longer than this, its wake-up included, could as well have been polled.
  static constexpr Duration kShortWait = std::chrono::microseconds(60);

  bool should_spin() const noexcept { return fruitless_ < kPatience; }

  void spun(bool has_found) noexcept {
    if (has_found) {
      *this = {};
    } else if (++fruitless_ == kPatience && was_retry_) {
      needed_ = std::min(needed_ * 2, kMostShortWaits);
    }
  }

  void slept(Duration length) noexcept {
    if (should_spin() || length > kShortWait || ++short_waits_ < needed_) return;
    short_waits_ = 0;
    was_retry_ = true;
    fruitless_ = kPatience - 1;
  }

 private:
  unsigned fruitless_ = 0;    // polls in a row that found nothing
  unsigned short_waits_ = 0;  // sleeps since then that were short
  unsigned needed_ = 1;       // of them, for another try
  bool was_retry_ = false;
};

}  // namespace shoal::sync
