// SPDX-License-Identifier: Apache-2.0
// Runs a function in another process and gets its result.
//
//   hello from process {n}, says process {n}
//   2 + 3 = 5

#include <unistd.h>

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

std::string greet(const std::string& who) {
  return "hello from process " + std::to_string(getpid()) + ", says " + who;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);  // the first line of main, always

  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};
  shoal::Future<std::string> greeting = pool.submit(greet, "process " + std::to_string(getpid()));
  shoal::Future<int> sum = pool.submit([](int a, int b) { return a + b; }, 2, 3);

  std::printf("%s\n", greeting.get().c_str());
  std::printf("2 + 3 = %d\n", sum.get());
}
