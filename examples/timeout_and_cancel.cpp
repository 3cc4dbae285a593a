// SPDX-License-Identifier: Apache-2.0
// Three ways to stop what takes too long. A task that asks whether it is to stop may tidy up first.
//
//   endless: stopped after its time
//   cancelled while it ran
//   tidy: stopped after its time, and its draft is gone
//   the pool works on: 42

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <shoal/shoal.hpp>
#include <thread>

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Never asks: its worker is ended in the middle of it, and replaced.
void endless() {
  for (;;) std::this_thread::sleep_for(1h);
}

// Says how far it is, and asks: it has a second to leave nothing half-done behind.
void tidy(const fs::path& draft) {
  std::ofstream(draft) << "half a";
  while (!shoal::this_task::stop_requested()) std::this_thread::sleep_for(1ms);
  fs::remove(draft);
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};

  shoal::Future<void> hung = pool.submit({.timeout = 100ms}, endless);
  try {
    hung.get();
  } catch (const shoal::TaskTimeoutError&) {
    std::printf("endless: stopped after its time\n");
  }

  shoal::Future<void> unwanted = pool.submit(endless);
  while (!unwanted.running()) std::this_thread::sleep_for(1ms);
  unwanted.cancel(shoal::Cancel::running);  // without this argument: only if it has not started
  try {
    unwanted.get();
  } catch (const shoal::CancelledError&) {
    std::printf("cancelled while it ran\n");
  }

  const fs::path draft = fs::absolute("draft.txt");
  try {
    pool.submit({.timeout = 100ms}, tidy, draft).get();
  } catch (const shoal::TaskTimeoutError&) {
    std::printf("tidy: stopped after its time, and its draft is %s\n",
                fs::exists(draft) ? "still there" : "gone");
  }
  std::printf("the pool works on: %d\n", pool.submit([] { return 42; }).get());
}
