// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "sync/hardware.hpp"

namespace shoal::metrics {
namespace {

using SharedHistogram = Histogram<sync::Hardware>;

TEST(BucketsTest, EachNumberIsInTheBucketThatSaysSo) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = 0; n < 5000; ++n) numbers.push_back(n);
  for (unsigned bit = 12; bit < Buckets::kDoublings; ++bit) {
    for (const std::uint64_t step : {0, 1, 77}) {
      numbers.push_back((std::uint64_t{1} << bit) + step);
      numbers.push_back((std::uint64_t{1} << (bit + 1)) - 1 - step);
    }
  }
  for (const std::uint64_t n : numbers) {
    const std::size_t index = Buckets::index_of(n);
    ASSERT_LT(index, Buckets::kCount) << n;
    EXPECT_LE(Buckets::begin_of(index), n);
    EXPECT_LT(n, Buckets::begin_of(index + 1));
    const auto middle = static_cast<double>(Buckets::middle_of(index));
    EXPECT_LE(std::abs(middle - static_cast<double>(n)), 0.032 * static_cast<double>(n) + 1) << n;
  }
}

TEST(BucketsTest, TheLastBucketHoldsAllThatIsLonger) {
  constexpr std::uint64_t kFirstBeyond = std::uint64_t{1} << Buckets::kDoublings;
  EXPECT_EQ(Buckets::index_of(kFirstBeyond - 1), Buckets::kCount - 1);
  EXPECT_EQ(Buckets::index_of(kFirstBeyond), Buckets::kCount - 1);
  EXPECT_EQ(Buckets::index_of(std::numeric_limits<std::uint64_t>::max()), Buckets::kCount - 1);
}

TEST(HistogramTest, OfNothingIsZero) {
  const auto histogram = std::make_unique<SharedHistogram>();
  const Percentiles found = histogram->read().percentiles();
  EXPECT_EQ(found.count, 0U);
  EXPECT_EQ(found.p50, Duration::zero());
  EXPECT_EQ(found.max, Duration::zero());
}

TEST(HistogramTest, PercentilesAreRightToFivePercent) {
  const auto histogram = std::make_unique<SharedHistogram>();
  for (std::uint64_t n = 1; n <= 10'000; ++n) histogram->record(n * 1000);
  const Percentiles found = histogram->read().percentiles();
  EXPECT_EQ(found.count, 10'000U);
  EXPECT_NEAR(static_cast<double>(found.p50.count()), 5e6, 0.05 * 5e6);
  EXPECT_NEAR(static_cast<double>(found.p90.count()), 9e6, 0.05 * 9e6);
  EXPECT_NEAR(static_cast<double>(found.p99.count()), 9.9e6, 0.05 * 9.9e6);
  EXPECT_EQ(found.max.count(), 10'000'000);
}

TEST(HistogramTest, OneSlowOneShowsInTheMaximumAlone) {
  const auto histogram = std::make_unique<SharedHistogram>();
  histogram->record(100, 999);
  histogram->record(1'000'000'000);
  const Percentiles found = histogram->read().percentiles();
  EXPECT_EQ(found.count, 1000U);
  EXPECT_NEAR(static_cast<double>(found.p99.count()), 100, 5);
  EXPECT_EQ(found.max, std::chrono::seconds(1));
}

TEST(HistogramTest, NoPercentileIsBeyondTheMaximum) {
  const auto histogram = std::make_unique<SharedHistogram>();
  histogram->record(1'000'001);
  const Percentiles found = histogram->read().percentiles();
  EXPECT_LE(found.p50, found.max);
  EXPECT_LE(found.p99, found.max);
  EXPECT_EQ(found.max.count(), 1'000'001);
}

TEST(HistogramTest, NonsenseFromAnotherProcessHarmsNobody) {
  HistogramCopy copy;
  copy.counts.fill(std::numeric_limits<std::uint64_t>::max());
  copy.max = std::numeric_limits<std::uint64_t>::max();
  const Percentiles found = copy.percentiles();
  EXPECT_EQ(found.count, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(found.max, Duration::max());
}

}  // namespace
}  // namespace shoal::metrics
