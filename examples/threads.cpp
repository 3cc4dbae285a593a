// SPDX-License-Identifier: Apache-2.0
// One piece of code for processes and threads: an Executor is either. Work that may crash goes to
// processes; work that waits, or shares what is here, to threads.
//
//   processes: 3.14159
//   threads: 3.14159
//   8 pages, 30 letters, in less time than one after the other

#include <chrono>
#include <cstdio>
#include <mutex>
#include <ranges>
#include <shoal/shoal.hpp>
#include <string>
#include <thread>
#include <vector>

// The area under 4 / (1 + x * x) over one strip of 0 to 1.
constexpr int kStrips = 1'000;
double strip(int i) {
  double x = (i + 0.5) / kStrips;
  return 4 / (1 + x * x) / kStrips;
}

template <shoal::Executor E>
double pi(E&& executor) {
  double sum = 0;
  for (double area : executor.map(strip, std::views::iota(0, kStrips))) sum += area;
  return sum;
}

constexpr auto kDelay = std::chrono::milliseconds(100);
std::string fetch(int page) {  // takes its time
  std::this_thread::sleep_for(kDelay);
  return std::string("page ").substr(0, static_cast<std::size_t>(page));
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  std::printf("processes: %.5f\n", pi(shoal::ProcessPoolExecutor()));
  std::printf("threads: %.5f\n", pi(shoal::ThreadPoolExecutor()));
  // Threads may capture, and share what is here.
  constexpr int kPages = 8;
  std::mutex mutex;
  std::size_t letters = 0;
  auto begin = std::chrono::steady_clock::now();
  {
    shoal::ThreadPoolExecutor threads{{.max_workers = kPages}};
    for (int page = 1; page <= kPages; ++page) {
      threads.submit([&, page] {
        std::string text = fetch(page);
        std::scoped_lock lock(mutex);
        letters += text.size();
      });
    }
  }  // waits for all of them
  bool is_faster = std::chrono::steady_clock::now() - begin < kPages * kDelay;
  std::printf("%d pages, %zu letters, in %s time than one after the other\n", kPages, letters,
              is_faster ? "less" : "more");
}
