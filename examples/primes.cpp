// SPDX-License-Identifier: Apache-2.0
// Counts the primes below two million: each task sieves one slice, the caller adds up.
//
//   below  500000:  41538 primes
//   below 1000000:  78498 primes
//   below 1500000: 114155 primes
//   below 2000000: 148933 primes

#include <cstdio>
#include <shoal/shoal.hpp>
#include <vector>

struct Slice {
  long first;
  long last;  // not included
};

// Sieves one slice by the primes up to its square root.
long count_primes(const Slice& slice) {
  std::vector<bool> is_composite(static_cast<std::size_t>(slice.last - slice.first));
  for (long p = 2; p * p < slice.last; ++p) {
    const long begin = std::max(p * p, (slice.first + p - 1) / p * p);
    for (long n = begin; n < slice.last; n += p) {
      is_composite[static_cast<std::size_t>(n - slice.first)] = true;
    }
  }
  long count = 0;
  for (long n = std::max(2L, slice.first); n < slice.last; ++n) {
    count += !is_composite[static_cast<std::size_t>(n - slice.first)];
  }
  return count;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  constexpr long kStep = 100'000;
  std::vector<Slice> slices;
  for (long first = 0; first < 2'000'000; first += kStep) slices.push_back({first, first + kStep});

  long total = 0;
  auto slice = slices.begin();
  for (long count : pool.map(count_primes, slices)) {
    total += count;
    const long below = slice++->last;
    if (below % 500'000 == 0) std::printf("below %7ld: %6ld primes\n", below, total);
  }
}
