// SPDX-License-Identifier: Apache-2.0
// Shows on stderr how far a long map is: a bar on a terminal, a line now and then elsewhere. Halve
// what is even, triple what is odd and add one: which number takes longest to come down to 1?
//
//   837799 takes 524 steps

#include <cstdio>
#include <ranges>
#include <shoal/shoal.hpp>

struct Chain {
  long start = 1;
  int steps = 0;
};

constexpr long kSlice = 10'000;

// The longest chain that starts within one slice.
Chain longest_chain(long slice) {
  Chain longest;
  for (long start = slice * kSlice + 1; start <= (slice + 1) * kSlice; ++start) {
    int steps = 0;
    for (long n = start; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    if (steps > longest.steps) longest = {start, steps};
  }
  return longest;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  Chain longest;
  for (const Chain& chain :
       pool.map({.progress = "up to a million"}, longest_chain, std::views::iota(0L, 100L))) {
    if (chain.steps > longest.steps) longest = chain;
  }
  std::printf("%ld takes %d steps\n", longest.start, longest.steps);
}
