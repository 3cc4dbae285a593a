// SPDX-License-Identifier: Apache-2.0
// expect: pass captured values as shoal::bind(fn, values...)
#include <shoal/process_pool_executor.hpp>
#include <vector>

int main(int argc, char**) {
  shoal::ProcessPoolExecutor pool;
  pool.map([argc](int n) { return n + argc; }, std::vector<int>{1, 2});
}
