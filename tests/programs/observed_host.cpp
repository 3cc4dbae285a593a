// SPDX-License-Identifier: Apache-2.0
// observed_host <trace file or -> <method>: has a pool that has run 100 tasks; prints "ready" once
// that can be seen from outside, and waits to be killed.

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <shoal/shoal.hpp>
#include <string>

#include "programs/method_argument.hpp"

namespace {

int count_runs(const char* path) {
  int count = 0;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    count += line.starts_with("{\"ph\":\"X\"") ? 1 : 0;
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::set_start_method(shoal::test::method_argument(argc, argv));
  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};
  const std::string path = argv[1];
  if (path != "-") pool.trace(path);
  constexpr int kTasks = 100;
  for (int n = 0; n < kTasks; ++n) pool.submit([](int i) { return i; }, n).get();
  while (pool.stats().completed < kTasks) ::usleep(1000);
  while (path != "-" && count_runs(path.c_str()) < kTasks) ::usleep(1000);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}
