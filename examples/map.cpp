// SPDX-License-Identifier: Apache-2.0
// Calls a function with every element of a range; results come in the order of the input.
//
//   squares: 0 1 4 9 16 25 36 49 64 81
//   powers: 1 2 9 64 625
//   lengths: 5 7 2

#include <cmath>
#include <cstdio>
#include <ranges>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

int square(int n) { return n * n; }

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  std::printf("squares:");
  for (int n : pool.map(square, std::views::iota(0, 10))) std::printf(" %d", n);

  // Several ranges: one argument from each.
  std::printf("\npowers:");
  const std::vector<double> bases{1, 2, 3, 4, 5};
  const std::vector<int> exponents{0, 1, 2, 3, 4};
  auto power = [](double base, int exponent) { return std::pow(base, exponent); };
  for (double p : pool.map(power, bases, exponents)) std::printf(" %.0f", p);

  std::printf("\nlengths:");
  const std::vector<std::string> words{"shoal", "herring", "of"};
  for (auto n : pool.map([](const std::string& word) { return word.size(); }, words)) {
    std::printf(" %zu", n);
  }
  std::printf("\n");
}
