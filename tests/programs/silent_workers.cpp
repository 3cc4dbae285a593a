// SPDX-License-Identifier: Apache-2.0
// silent_workers: its children stop in a static initialiser, before they can say that they are
// there. A pool of them must come to its end all the same; prints "ended".

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <shoal/shoal.hpp>

namespace {

[[maybe_unused]] const bool is_child = [] {
  if (std::getenv("SILENT_WORKERS") == nullptr) return false;
  ::raise(SIGSTOP);
  return true;
}();

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  ::setenv("SILENT_WORKERS", "1", 1);
  { shoal::ProcessPoolExecutor pool = shoal::get_context(shoal::StartMethod::spawn).executor(2); }
  std::puts("ended");
}
