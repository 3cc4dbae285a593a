// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

// Not inlined, and with something left to do behind the crash, so that each has a frame.
volatile int zero = 0;
[[gnu::noinline]] int crash_here(int n) {
  *reinterpret_cast<volatile int*>(static_cast<long>(zero) + 8) = n;
  return n + zero;
}

namespace {

[[gnu::noinline]] int call_the_crash(int n) { return crash_here(n) + zero; }

int add_in_worker(shoal::StartMethod method) {
  shoal::ProcessPoolExecutor pool{{.max_workers = 2, .context = shoal::get_context(method)}};
  return pool.submit([](int a, int b) { return a + b; }, 40, 2).get();
}

// True if the error of a worker's crash tells the functions, as a release build was left.
bool names_the_crash(shoal::StartMethod method) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;  // they have a crash handler of their own
#endif
  shoal::ProcessPoolExecutor pool{{.max_workers = 1, .context = shoal::get_context(method)}};
  try {
    pool.submit(call_the_crash, 1).get();
  } catch (const shoal::WorkerLostError& lost) {
    std::printf("%s\n", lost.what());
    const std::string& frames = lost.backtrace();
    return frames.starts_with("#0 crash_here(int) (") &&
           frames.find("call_the_crash(int) (") != std::string::npos;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const int from_forkserver = add_in_worker(shoal::StartMethod::forkserver);
  const int from_spawn = add_in_worker(shoal::StartMethod::spawn);
  std::printf("shoal %s: forkserver %d, spawn %d\n", shoal::version_string.data(), from_forkserver,
              from_spawn);
  const bool is_named = names_the_crash(shoal::StartMethod::forkserver) &&
                        names_the_crash(shoal::StartMethod::spawn) &&
                        names_the_crash(shoal::StartMethod::fork);
  return from_forkserver == 42 && from_spawn == 42 && is_named ? 0 : 1;
}
