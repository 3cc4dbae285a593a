// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "shoal/pool_stats.hpp"

namespace shoal::metrics {

/// Sorts nanoseconds into buckets whose width grows with what they hold (log-linear): 16 to each
/// doubling, so that the middle of a bucket is within 3.2 % of all that is in it. Beyond 4.8 hours
/// everything is in the last.
struct Buckets {
  static constexpr unsigned kBits = 4;  ///< 2^4 buckets to each doubling
  static constexpr unsigned kDoublings = 44;
  static constexpr std::size_t kCount = (kDoublings - kBits + 1) << kBits;

  static constexpr std::size_t index_of(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds >> kBits == 0) return nanoseconds;
    if (nanoseconds >> kDoublings != 0) return kCount - 1;
    const auto shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - kBits - 1;
    return (std::size_t{shift} << kBits) + (nanoseconds >> shift);
  }
  /// The least that belongs into bucket `index`.
  static constexpr std::uint64_t begin_of(std::size_t index) noexcept {
    if (index >> kBits == 0) return index;
    const std::size_t shift = (index >> kBits) - 1;
    return ((index & ((1U << kBits) - 1)) + (1U << kBits)) << shift;
  }
  static constexpr std::uint64_t middle_of(std::size_t index) noexcept {
    return begin_of(index) + (begin_of(index + 1) - begin_of(index)) / 2;
  }
};

/// What a histogram holds at one moment. Whoever reads it from another process' memory gets any
/// numbers at all: nothing here depends on what they are.
struct HistogramCopy {
  std::uint64_t max = 0;
  std::array<std::uint64_t, Buckets::kCount> counts{};

  Percentiles percentiles() const noexcept;
};

/// A histogram in shared memory: one writer, any number of readers. Each word is right by itself at
/// any moment, so that a writer that dies between two leaves nothing to repair. Fresh zero bytes
/// are an empty one.
template <class Platform>
class Histogram {
 public:
  /// Counts `count` times `nanoseconds`. By the one writer.
  void record(std::uint64_t nanoseconds, std::uint64_t count = 1) noexcept {
    add(counts_[Buckets::index_of(nanoseconds)], count);
    if (nanoseconds > max_.load(std::memory_order_relaxed)) {
      max_.store(nanoseconds, std::memory_order_relaxed);
    }
  }

  HistogramCopy read() const noexcept {
    HistogramCopy copy;
    copy.max = max_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      copy.counts[i] = counts_[i].load(std::memory_order_relaxed);
    }
    return copy;
  }

 private:
  using Word = typename Platform::template Atomic<std::uint64_t>;
  // relaxed, and no locked instruction: there is one writer.
  static void add(Word& word, std::uint64_t count) noexcept {
    word.store(word.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  Word max_;
  std::array<Word, Buckets::kCount> counts_;
};

}  // namespace shoal::metrics
