// SPDX-License-Identifier: Apache-2.0
// The names of Python's multiprocessing.Pool.
//
//   apply: 81
//   map: 1 4 9 16
//   starmap: 1 8 81
//   imap_unordered: 30 in whatever order
//   called back: 100
//   called back: pow needs an exponent

#include <cstdio>
#include <exception>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

int square(int n) { return n * n; }

int power(int base, int exponent) {
  if (exponent < 0) throw std::invalid_argument("pow needs an exponent");
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

void show(int value) { std::printf("called back: %d\n", value); }

void show_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    std::printf("called back: %s\n", e.what());
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::Pool pool{4};
  const std::vector<int> numbers{1, 2, 3, 4};
  const std::vector<std::pair<int, int>> pairs{{1, 1}, {2, 3}, {3, 4}};

  std::printf("apply: %d", pool.apply(square, 9));
  std::printf("\nmap:");
  for (int n : pool.map(square, numbers)) std::printf(" %d", n);
  std::printf("\nstarmap:");
  for (int n : pool.starmap(power, pairs)) std::printf(" %d", n);

  int sum = 0;
  for (int n : pool.imap_unordered(square, numbers)) sum += n;  // as they come
  std::printf("\nimap_unordered: %d in whatever order\n", sum);

  // Called on a thread of shoal's; get() may return a moment earlier.
  pool.apply_async({.callback = show}, square, 10).wait();
  pool.apply_async({.error_callback = show_error}, power, 2, -1).wait();

  pool.close();
  pool.join();  // also waits for the callbacks
}
