// SPDX-License-Identifier: Apache-2.0
// Producers and consumers in processes of their own, around one queue that ends them.
//
//   consumers got 300 numbers, their sum is 44850
//   the queue is closed

#include <cstdio>
#include <shoal/shoal.hpp>
#include <utility>
#include <vector>

void produce(const shoal::Queue<int>& numbers, int first) {
  for (int i = 0; i < 100; ++i) numbers.put(first + i);
}

// Takes numbers until there are no more: the queue is closed, and empty.
void consume(const shoal::Queue<int>& numbers, const shoal::Queue<std::pair<int, long>>& results) {
  int count = 0;
  long sum = 0;
  try {
    for (;;) {
      sum += numbers.get();
      ++count;
    }
  } catch (const shoal::ClosedError&) {
    results.put({count, sum});
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  shoal::Queue<int> numbers(10);  // whoever is faster waits
  shoal::Queue<std::pair<int, long>> results;
  std::vector<shoal::Process> producers, consumers;
  for (int i = 0; i < 3; ++i) producers.emplace_back(produce, numbers, 100 * i);
  for (int i = 0; i < 2; ++i) consumers.emplace_back(consume, numbers, results);
  for (auto& process : producers) process.start();
  for (auto& process : consumers) process.start();

  for (auto& process : producers) process.join();
  numbers.close();  // consumers get what is left, then ClosedError
  int count = 0;
  long sum = 0;
  for (auto& process : consumers) {
    process.join();
    const auto [some, their_sum] = results.get();
    count += some;
    sum += their_sum;
  }
  std::printf("consumers got %d numbers, their sum is %ld\n", count, sum);
  try {
    numbers.put(1);
  } catch (const shoal::ClosedError&) {
    std::printf("the queue is closed\n");
  }
}
