// SPDX-License-Identifier: Apache-2.0
// A worker that dies takes down its own task and nothing else.
//
//   task 3 was lost: signal SIGSEGV
//   task 7 was lost: exit status 42
//   task 9 threw: 9 is out of range
//   17 results, 3 failures, and the pool still works: 100

#include <string.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <vector>

int fragile(int n) {
  if (n == 3) std::raise(SIGSEGV);
  if (n == 7) std::exit(42);
  if (n == 9) throw std::out_of_range("9 is out of range");
  return n * n;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};

  std::vector<shoal::Future<int>> futures;
  for (int n = 0; n < 20; ++n) futures.push_back(pool.submit(fragile, n));

  int results = 0;
  for (int n = 0; n < 20; ++n) {
    try {
      futures[static_cast<std::size_t>(n)].get();
      ++results;
    } catch (const shoal::WorkerLostError& lost) {
      const std::string how = lost.signal()
                                  ? "signal SIG" + std::string(sigabbrev_np(*lost.signal()))
                                  : "exit status " + std::to_string(*lost.exit_status());
      std::printf("task %d was lost: %s\n", n, how.c_str());
    } catch (const std::out_of_range& error) {
      std::printf("task %d threw: %s\n", n, error.what());
    }
  }
  std::printf("%d results, %d failures, and the pool still works: %d\n", results, 20 - results,
              pool.submit(fragile, 10).get());
}
