// SPDX-License-Identifier: Apache-2.0
// expect: T is a pointer
#include <shoal/process_pool_executor.hpp>

int first(const int* numbers) { return *numbers; }

int main() {
  shoal::ProcessPoolExecutor pool;
  int number = 3;
  pool.submit(first, &number);
}
