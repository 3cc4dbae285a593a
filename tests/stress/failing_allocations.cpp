// SPDX-License-Identifier: Apache-2.0
// The first allocation of this process fails, then the second, … until what is done needs no more.
// It is done or it throws; what has thrown in submit was not submitted, and what was submitted is
// resolved. The service and notifier threads go on.

#include <gtest/gtest.h>
#include <signal.h>
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

// --- deaths and starts --------------------------------------------------------------------------

// Says where it runs, and stays there until it is killed.
int hold(const Connection& connection) {
  connection.send(::getpid());
  return connection.recv<int>();
}

// A pool of one worker, so that what stands behind the task that is lost runs in its successor.
class FailingDeaths : public FailingAllocations {
 protected:
  static PoolOptions options() {
    return {.max_workers = 1, .context = get_context(GetParam()), .on_worker_event = [](auto&) {}};
  }

  // Kills the worker of what `submit` gives, again and again: each time one more allocation works.
  // It ends with the loss, or the lack of memory; what is queued behind it runs.
  template <class Submit>
  void kill_each(const char* what, Submit submit) {
    using Held = decltype(submit(std::declval<const Connection&>()));
    std::optional<Held> held;
    std::vector<Future<int>> behind;
    pid_t victim = 0;
    Connection ours;
    const auto prepare = [&] {
      auto [mine, theirs] = pipe();
      ours = mine;
      held.emplace(submit(theirs));
      victim = ours.recv<int>();
      for (int n = 0; n < 3; ++n) behind.push_back(single.submit(twice, n));
    };
    prepare();
    const long failures = fail_each(
        [&] {
          ::kill(victim, SIGKILL);
          held->wait();
          for (const auto& future : behind) future.wait();
        },
        [&](bool) {
          expect_loss(*held);
          int n = 0;
          for (const auto& future : behind) expect_resolved(future, 2 * n++);
          behind.clear();
          prepare();
        });
    ::kill(victim, SIGKILL);
    expect_loss(*held);
    EXPECT_EQ(single.submit(twice, 4).get(), 8);
    EXPECT_EQ(single.stats().workers, 1U);
    say(what, failures);
  }
  // Waits until a task that holds says where; false if it ends instead.
  static bool has_begun(const Future<int>& future, const Connection& ours) {
    while (!future.done()) {
      if (ours.poll(std::chrono::milliseconds(1))) return true;
    }
    return false;
  }
  static void expect_loss(const Future<int>& future) {
    try {
      future.get();
      ADD_FAILURE() << "a task whose worker was killed has a value";
    } catch (const WorkerLostError&) {
    } catch (const std::bad_alloc&) {
    }
  }

  ProcessPoolExecutor single{options()};
};

TEST_P(FailingDeaths, ADeathFailsItsTaskAndNoOther) {
  kill_each("death", [&](const Connection& theirs) { return single.submit(hold, theirs); });
}

// Its second attempt waits for its time, and dies with the same worker's successor.
TEST_P(FailingDeaths, ATaskThatIsToRunAgainDoesOrFails) {
  const TaskOptions once_more{.retries = 1, .backoff = std::chrono::milliseconds(1)};
  std::vector<Future<int>> futures;
  std::pair<Connection, Connection> ends = pipe();
  // An attempt that is being killed may still take one message.
  const auto let_go = [&] {
    while (!futures.empty() && !futures.front().wait(std::chrono::milliseconds(5))) {
      ends.first.send(8);
    }
  };
  const long failures = fail_each(
      [&] {
        futures.push_back(single.submit(once_more, hold, ends.second));
        if (has_begun(futures.back(), ends.first)) ::kill(ends.first.recv<int>(), SIGKILL);
        let_go();
        futures.push_back(single.submit(twice, 4));
        futures.back().wait();
      },
      [&](bool) {
        let_go();
        for (const auto& future : futures) {
          try {
            EXPECT_EQ(future.get(), 8);
          } catch (const WorkerLostError&) {
          } catch (const std::bad_alloc&) {
          }
        }
        futures.clear();
        ends = pipe();
      });
  EXPECT_EQ(single.submit(twice, 4).get(), 8);
  say("death and retry", failures);
}

TEST_P(FailingDeaths, ATaskThatRanForTooLongEnds) {
  std::vector<Future<int>> futures;
  const long failures = fail_each(
      [&] {
        auto [mine, theirs] = pipe();
        futures.push_back(
            single.submit(TaskOptions{.timeout = std::chrono::milliseconds(2)}, hold, theirs));
        futures.back().wait();
      },
      [&](bool) {
        for (const auto& future : futures) {
          EXPECT_NE(future.exception(), nullptr);
        }
        futures.clear();
      });
  EXPECT_EQ(single.submit(twice, 4).get(), 8);
  say("time-out", failures);
}

TEST_P(FailingDeaths, APoolComesToBeOrIsRefused) {
  single.shutdown();
  std::optional<ProcessPoolExecutor> fresh;
  const long failures = fail_each(
      [&] {
        try {
          fresh.emplace(options());
          expect_resolved(fresh->submit(twice, 4), 8);
        } catch (const StartError&) {
        } catch (const ResourceError&) {
        }
      },
      [&](bool) { fresh.reset(); });
  say("start", failures);
}

TEST_P(FailingDeaths, APoolEnds) {
  single.shutdown();
  const long failures = fail_each(
      [&] {
        try {
          ProcessPoolExecutor fresh(options());
          expect_resolved(fresh.submit(twice, 4), 8);
        } catch (const StartError&) {
        } catch (const ResourceError&) {
        }
      },
      [](bool) {});
  say("start and end", failures);
}

SHOAL_FOR_EACH_START_METHOD(FailingAllocations);
SHOAL_FOR_EACH_START_METHOD(FailingDeaths);

}  // namespace
}  // namespace shoal::test
