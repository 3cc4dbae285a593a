// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.hpp"

#include <limits>

namespace shoal::metrics {
namespace {

Duration as_duration(std::uint64_t nanoseconds) noexcept {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
  return Duration(static_cast<Duration::rep>(std::min(nanoseconds, kMost)));
}

// The sum; the largest number where it is larger.
std::uint64_t add_up(std::uint64_t a, std::uint64_t b) noexcept {
  return a > ~b ? ~std::uint64_t{0} : a + b;
}

// The time within which the first `rank` of all were done.
Duration at_rank(const HistogramCopy& histogram, std::uint64_t rank) noexcept {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    below = add_up(below, histogram.counts[i]);
    if (below < rank) continue;
    const bool is_last = i + 1 == histogram.counts.size();
    return as_duration(is_last ? histogram.max : std::min(Buckets::middle_of(i), histogram.max));
  }
  return as_duration(histogram.max);
}

}  // namespace

Percentiles HistogramCopy::percentiles() const noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total = add_up(total, count);
  if (total == 0) return {};
  const auto rank = [&](std::uint64_t percent) {
    return std::max<std::uint64_t>(1, total / 100 * percent + total % 100 * percent / 100);
  };
  return {.count = total,
          .p50 = at_rank(*this, rank(50)),
          .p90 = at_rank(*this, rank(90)),
          .p99 = at_rank(*this, rank(99)),
          .max = as_duration(max)};
}

}  // namespace shoal::metrics
