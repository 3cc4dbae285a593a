// SPDX-License-Identifier: Apache-2.0
// Splits large numbers into primes. Some take a thousand times as long as others: no worker waits
// for them.
//
//   1000000007 = 1000000007
//   99999640000243 = 9999973 * 9999991
//   6469693230 = 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29
//   600851475143 = 71 * 839 * 1471 * 6857
//   87178291199 = 87178291199
//   1152921504606846976 = 2^60

#include <cstdint>
#include <cstdio>
#include <map>
#include <shoal/shoal.hpp>
#include <vector>

using Number = std::uint64_t;
using Factors = std::map<Number, int>;  // prime -> how often

Factors factorize(Number n) {
  Factors factors;
  for (Number p = 2; p * p <= n; p += p == 2 ? 1 : 2) {
    for (; n % p == 0; n /= p) ++factors[p];
  }
  if (n > 1) ++factors[n];
  return factors;
}

void print(Number n, const Factors& factors) {
  std::printf("%llu", static_cast<unsigned long long>(n));
  const char* sign = " =";
  for (const auto& [prime, power] : factors) {
    std::printf("%s %llu", sign, static_cast<unsigned long long>(prime));
    if (power > 1) std::printf("^%d", power);
    sign = " *";
  }
  std::printf("\n");
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;
  const std::vector<Number> numbers{1'000'000'007,   99'999'640'000'243, 6'469'693'230,
                                    600'851'475'143, 87'178'291'199,     Number{1} << 60};
  auto number = numbers.begin();
  for (const Factors& factors : pool.map(factorize, numbers)) print(*number++, factors);
}
