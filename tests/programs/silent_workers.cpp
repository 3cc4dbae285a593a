// SPDX-License-Identifier: Apache-2.0
// silent_workers stop|exit: its children stop, or end, in a static initialiser, before they can say
// that they are there. A pool of them must come to its end all the same; prints what becomes of a
// task, and "ended".

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <shoal/shoal.hpp>

namespace {

[[maybe_unused]] const bool is_child = [] {
  const char* const mode = std::getenv("SILENT_WORKERS");
  if (mode == nullptr) return false;
  if (std::strcmp(mode, "exit") == 0) ::_exit(1);
  ::raise(SIGSTOP);
  return true;
}();

int answer() { return 42; }

// A child that is gone before it has its orders is a StartError; one that goes later breaks the
// pool.
void run_a_task() {
  try {
    shoal::ProcessPoolExecutor pool = shoal::get_context(shoal::StartMethod::spawn).executor(2);
    pool.submit(answer).get();
    std::puts("answered");
  } catch (const shoal::StartError&) {
    std::puts("broken");
  } catch (const shoal::BrokenPoolError&) {
    std::puts("broken");
  }
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const bool ends = argc > 1 && std::strcmp(argv[1], "exit") == 0;
  ::setenv("SILENT_WORKERS", ends ? "exit" : "stop", 1);
  if (ends) {
    run_a_task();
  } else {
    shoal::get_context(shoal::StartMethod::spawn).executor(2);
  }
  std::puts("ended");
}
