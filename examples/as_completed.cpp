// SPDX-License-Identifier: Apache-2.0
// Takes results as they come, and stops as soon as one is what was looked for. Euler believed that
// four fifth powers never add up to a fifth power. Each task tries one number.
//
//   27^5 + 84^5 + 110^5 + 133^5 = 144^5
//   found after {n} of 201 tasks; {n} others never ran

#include <array>
#include <cstdio>
#include <optional>
#include <shoal/shoal.hpp>
#include <vector>

using Terms = std::array<long, 5>;  // a <= b <= c <= d < e

constexpr long pow5(long n) { return n * n * n * n * n; }

// Looks for a^5 + b^5 + c^5 + d^5 = e^5: b and c are tried, a and d move towards each other.
std::optional<Terms> split(long e) {
  for (long c = 1; c < e; ++c) {
    for (long b = 1; b <= c; ++b) {
      const long rest = pow5(e) - pow5(b) - pow5(c);
      for (long a = 1, d = e - 1; a <= b && d >= c;) {
        const long sum = pow5(a) + pow5(d);
        if (sum == rest) return Terms{a, b, c, d, e};
        sum < rest ? ++a : --d;
      }
    }
  }
  return std::nullopt;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  std::vector<shoal::Future<std::optional<Terms>>> tasks;
  for (long e = 50; e <= 250; ++e) tasks.push_back(pool.submit(split, e));

  int done = 0;
  for (auto& task : shoal::as_completed(tasks)) {
    ++done;
    if (const std::optional<Terms> found = task.get()) {
      const auto [a, b, c, d, e] = *found;
      std::printf("%ld^5 + %ld^5 + %ld^5 + %ld^5 = %ld^5\n", a, b, c, d, e);
      break;
    }
  }

  int cancelled = 0;
  for (auto& task : tasks) cancelled += task.cancel();  // those that have not started
  std::printf("found after %d of %zu tasks; %d others never ran\n", done, tasks.size(), cancelled);
}
