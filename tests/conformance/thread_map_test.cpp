// SPDX-License-Identifier: Apache-2.0
// ThreadPoolExecutor::map.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <ranges>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/busy_thread.hpp"

namespace shoal {
namespace {

using test::BusyThread;
using namespace std::chrono_literals;

int square(int n) { return n * n; }

TEST(ThreadMapTest, AMapKeepsTheOrderOfItsInput) {
  ThreadPoolExecutor threads{{.max_workers = 4}};
  std::vector<int> input(500);
  std::iota(input.begin(), input.end(), 0);
  int expected = 0;
  for (const int n : threads.map(square, input)) EXPECT_EQ(n, square(expected++));
  EXPECT_EQ(expected, 500);
  std::vector<int> zipped;
  for (const int n : threads.map(std::plus<>(), input, std::vector{1, 2, 3})) zipped.push_back(n);
  EXPECT_EQ(zipped, (std::vector{1, 3, 5}));
  for (const std::monostate nothing : threads.map([](int) {}, input)) static_cast<void>(nothing);
}

TEST(ThreadMapTest, AnElementsExceptionIsThrownAtItsPlace) {
  ThreadPoolExecutor threads{{.max_workers = 2}};
  auto results = threads.map(
      [](int n) {
        if (n == 2) throw std::invalid_argument("two");
        return n;
      },
      std::vector{1, 2, 3});
  auto at = results.begin();
  EXPECT_EQ(*at, 1);
  ++at;
  EXPECT_THROW(*at, std::invalid_argument);
  ++at;
  EXPECT_EQ(*at, 3);
  EXPECT_EQ(results.size(), 1U);
}

TEST(ThreadMapTest, AMapCanReadLittleByLittle) {
  ThreadPoolExecutor threads{{.max_workers = 2}};
  std::atomic<int> read = 0;
  auto input = std::views::iota(0) | std::views::transform([&](int n) {
                 if (n == 30) throw std::runtime_error("unreadable");
                 ++read;
                 return n;
               });
  auto results = threads.map({.buffersize = 4}, square, input);
  int expected = 0;
  for (auto at = results.begin(); expected < 30; ++at) {
    EXPECT_EQ(*at, square(expected++));
    EXPECT_LE(read, expected + 4);
  }
  EXPECT_THROW(*results.begin(), std::runtime_error);
  ++results.begin();
  EXPECT_EQ(results.size(), 0U);
}

TEST(ThreadMapTest, AMapMayBeLimitedInTime) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  BusyThread busy(threads);
  auto results = threads.map({.timeout = 10ms}, square, std::vector{1, 2});
  EXPECT_THROW(*results.begin(), TimeoutError);
}

TEST(ThreadMapTest, AMapThatNobodyReadsIsCancelled) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  std::atomic<int> ran = 0;
  BusyThread busy(threads);
  static_cast<void>(threads.map([&](int) { ++ran; }, std::vector(100, 0)));
  busy.release();
  threads.shutdown();
  EXPECT_EQ(ran, 0);
}

TEST(ThreadMapTest, OneFunctionObjectServesAMapIfItIsConst) {
  struct Heavy {
    std::shared_ptr<std::atomic<int>> copies = std::make_shared<std::atomic<int>>(0);
    Heavy() = default;
    Heavy(const Heavy& other) : copies(other.copies) { ++*copies; }
    Heavy(Heavy&&) = default;
    int operator()(int n) const { return n; }
  };
  ThreadPoolExecutor threads{{.max_workers = 2}};
  Heavy heavy;
  const auto copies = heavy.copies;
  for (const int n : threads.map(std::move(heavy), std::vector(50, 1))) EXPECT_EQ(n, 1);
  EXPECT_LE(*copies, 3);
  auto counting = [calls = 0](int) mutable { return ++calls; };
  for (const int calls : threads.map(counting, std::vector(50, 1))) EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace shoal
