// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace shoal::pool {

/// How long the last runs of one function took, to foretell the next. Under the engine's lock.
class RunTimes {
 public:
  static constexpr std::uint32_t kUnknown = ~std::uint32_t{0};  ///< as good as: for ever

  /// One run; or, for a function of a map, a run of so many items one after the other.
  void record(std::uint32_t nanoseconds, std::size_t items = 1) noexcept {
    longest_run_ = std::max(longest_run_, items);
    record_one(static_cast<std::uint32_t>((nanoseconds + items - 1) / items));
  }

  /// The slowest of the last runs, in nanoseconds, an item where they were of items; kUnknown
  /// before the first.
  std::uint32_t slowest() const noexcept { return runs_ == 0 ? kUnknown : slowest_; }

  /// What a run takes as a rule, without regard to the odd one that was interrupted; kUnknown
  /// before the first.
  std::uint32_t typical() const noexcept { return runs_ == 0 ? kUnknown : typical_; }

  /// How many items are expected to run for `nanoseconds`: one at least, and no many times more
  /// than were ever seen in one run.
  std::size_t items_in(std::uint64_t nanoseconds) const noexcept {
    constexpr std::size_t kGrowth = 8;
    if (runs_ == 0) return 1;
    const std::uint64_t fitting = nanoseconds / std::max(slowest_, std::uint32_t{1});
    return std::clamp<std::size_t>(fitting, 1, longest_run_ * kGrowth);
  }

 private:
  void record_one(std::uint32_t nanoseconds) noexcept {
    // Runs far beyond what is typical count as if they were a few times as long.
    const std::uint64_t most = std::uint64_t{4} * typical_ + 1'000;
    const std::uint64_t counted = std::min<std::uint64_t>(nanoseconds, most);
    typical_ = runs_ == 0 ? nanoseconds
                          : static_cast<std::uint32_t>((std::uint64_t{7} * typical_ + counted) / 8);
    std::uint32_t& oldest = last_[runs_++ % kRuns];
    const bool was_slowest = oldest == slowest_;
    oldest = nanoseconds;
    if (nanoseconds >= slowest_ || runs_ == 1) {
      slowest_ = nanoseconds;
    } else if (was_slowest) {
      slowest_ = *std::max_element(last_.begin(), last_.end());
    }
  }

  static constexpr std::size_t kRuns = 16;

  std::array<std::uint32_t, kRuns> last_{};
  std::uint64_t runs_ = 0;
  std::uint32_t slowest_ = 0;
  std::uint32_t typical_ = 0;
  std::size_t longest_run_ = 1;  // in items
};

}  // namespace shoal::pool
