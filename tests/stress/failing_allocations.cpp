// SPDX-License-Identifier: Apache-2.0
// The first allocation of this process fails, then the second, … until what is done needs no more.
// It is done or it throws; what has thrown in submit was not submitted, and what was submitted is
// resolved. The service and notifier threads go on.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

#include "conformance/start_methods.hpp"

namespace {

std::atomic<long> allocations_left{-1};  // below zero: none fails
std::atomic<int> host{0};                // children inherit the count

void* allocate(std::size_t size) {
  if (allocations_left.load(std::memory_order_relaxed) > 0 && allocations_left.fetch_sub(1) == 1 &&
      host.load() == ::getpid()) {
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace shoal::test {
namespace {

int twice(int n) { return 2 * n; }
std::size_t size_of(const std::string& text) { return text.size(); }

// Calls `action` with its first allocation failing, then the second, …; `check` follows each time
// with whether it has thrown. Gives how many failed.
long fail_each(const std::function<void()>& action, const std::function<void(bool)>& check) {
  host = ::getpid();
  for (long n = 1;; ++n) {
    bool has_thrown = false;
    allocations_left = n;
    try {
      action();
    } catch (const std::bad_alloc&) {
      has_thrown = true;
    }
    const bool is_over = allocations_left.exchange(-1) > 0;
    check(has_thrown);
    if (is_over || testing::Test::HasFailure()) return n - 1;
  }
}

class FailingAllocations : public testing::TestWithParam<StartMethod> {
 protected:
  void expect_alive() {
    EXPECT_EQ(pool.submit(twice, 4).get(), 8);
    EXPECT_EQ(pool.submit(twice, 4).then(twice).get(), 16);
  }
  void say(const char* what, long failures) const {
    std::printf("%s, %s: %ld allocations failed, one at a time\n", what,
                name_of(GetParam()).c_str(), failures);
    EXPECT_GT(failures, 0);
  }
  // What was submitted has a value, or lacked the memory for one.
  template <class T>
  static void expect_resolved(const Future<T>& future, const T& value) {
    try {
      EXPECT_EQ(future.get(), value);
    } catch (const std::bad_alloc&) {
    } catch (const ResourceError&) {
    }
  }

  ProcessPoolExecutor pool{{.max_workers = 2, .context = get_context(GetParam())}};
};

TEST_P(FailingAllocations, WhatSubmitHasThrownOverWasNotSubmitted) {
  expect_alive();
  std::optional<Future<std::size_t>> future;
  const std::string text(5'000, 'x');
  const std::uint64_t before = pool.stats().completed;
  std::uint64_t submitted = 0;
  const long failures = fail_each([&] { future = pool.submit(size_of, text); },
                                  [&](bool) {
                                    if (!future) return;
                                    expect_resolved(*future, text.size());
                                    ++submitted;
                                    future.reset();
                                  });
  expect_alive();
  EXPECT_LE(pool.stats().completed - before, submitted + 3);  // those of expect_alive
  EXPECT_EQ(pool.stats().queued + pool.stats().running, 0U);
  say("submit", failures);
}

TEST_P(FailingAllocations, AManyTimesBusyPoolKeepsItsTasks) {
  expect_alive();
  std::vector<Future<int>> futures;
  const long failures = fail_each(
      [&] {
        for (int n = 0; n < 100; ++n) futures.push_back(pool.submit(twice, n));
      },
      [&](bool) {
        int n = 0;
        for (const auto& future : futures) expect_resolved(future, 2 * n++);
        futures.clear();
      });
  expect_alive();
  say("submit of 100", failures);
}

TEST_P(FailingAllocations, GetGivesTheValueOrCanBeCalledAgain) {
  expect_alive();
  Future<int> future = pool.submit(twice, 4);
  fail_each([&] { EXPECT_EQ(future.get(), 8); },
            [&](bool has_thrown) {
              if (has_thrown) expect_resolved(future, 8);
              future = pool.submit(twice, 4);
            });
  expect_alive();
}

TEST_P(FailingAllocations, WhatFollowsIsResolved) {
  expect_alive();
  std::vector<Future<int>> futures;
  const long failures = fail_each([&] { futures.push_back(pool.submit(twice, 4).then(twice)); },
                                  [&](bool) {
                                    for (const auto& future : futures) expect_resolved(future, 16);
                                    futures.clear();
                                  });
  expect_alive();
  say("then", failures);
}

// The failure comes while the notifier thread encodes and submits what follows.
TEST_P(FailingAllocations, WhatFollowsOnAnotherThreadIsResolved) {
  expect_alive();
  const long failures = fail_each(
      [&] {
        const Future<int> next = pool.submit(twice, 4).then(twice);
        next.wait();
        expect_resolved(next, 16);
      },
      [](bool) {});
  expect_alive();
  say("then and wait", failures);
}

TEST_P(FailingAllocations, AMapGivesItsValuesOrThrows) {
  expect_alive();
  const std::vector<int> numbers(50, 3);
  const long failures = fail_each(
      [&] {
        try {
          int sum = 0;
          for (const int value : pool.map(twice, numbers)) sum += value;
          EXPECT_EQ(sum, 300);
        } catch (const ResourceError&) {
        }
      },
      [](bool) {});
  expect_alive();
  say("map", failures);
}

SHOAL_FOR_EACH_START_METHOD(FailingAllocations);

}  // namespace
}  // namespace shoal::test
