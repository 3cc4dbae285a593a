// SPDX-License-Identifier: Apache-2.0
// ThreadPoolExecutor: what it has in common with ProcessPoolExecutor, and what only threads can do.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <latch>
#include <map>
#include <memory>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/busy_thread.hpp"
#include "support/sanitized.hpp"

namespace shoal {
namespace {

using test::BusyThread;
using namespace std::chrono_literals;

static_assert(Executor<ThreadPoolExecutor>);
static_assert(Executor<ProcessPoolExecutor>);

int square(int n) { return n * n; }

template <Executor E>
int sum_of_squares(E& executor, const std::vector<int>& values) {
  int sum = executor.submit(square, 100).get();
  for (const int n : executor.map(square, values)) sum += n;
  return sum;
}

// --- as a pool of processes -------------------------------------------------------------------

TEST(ThreadExecutorTest, SwapsWithProcessesByAWord) {
  ThreadPoolExecutor threads{{.max_workers = 2}};
  ProcessPoolExecutor processes{{.max_workers = 2}};
  EXPECT_EQ(sum_of_squares(threads, {1, 2, 3}), 10014);
  EXPECT_EQ(sum_of_squares(processes, {1, 2, 3}), 10014);
}

TEST(ThreadExecutorTest, ValuesArriveWhateverTheirType) {
  ThreadPoolExecutor threads{{.max_workers = 2}};
  int here = 7;
  EXPECT_EQ(threads.submit([] { return std::string("text"); }).get(), "text");
  EXPECT_EQ(threads.submit([&here] { return &here; }).get(), &here);
  EXPECT_EQ(*threads.submit([] { return std::make_unique<int>(4); }).get(), 4);
  threads.submit([] {}).get();
}

TEST(ThreadExecutorTest, ArgumentsAreCopiedUnlessTheyAreReferred) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  int counter = 1;
  EXPECT_EQ(threads.submit([](int n) { return ++n; }, counter).get(), 2);
  EXPECT_EQ(counter, 1);
  threads.submit([](int& n) { ++n; }, std::ref(counter)).get();
  EXPECT_EQ(counter, 2);
  auto owned = std::make_unique<int>(5);
  EXPECT_EQ(threads.submit([](std::unique_ptr<int> n) { return *n; }, std::move(owned)).get(), 5);
  std::array<char, 5> text{"some"};
  BusyThread busy(threads);
  auto later = threads.submit([](std::string_view view) { return std::string(view); }, text.data());
  text.fill('x');
  busy.release();
  EXPECT_EQ(later.get(), "some");
  EXPECT_EQ(threads.submit([](const char* words) { return *words; }, "words").get(), 'w');
  EXPECT_EQ(threads.submit(&std::string::size, std::string("four")).get(), 4U);
}

TEST(ThreadExecutorTest, ExceptionsArriveAsTheyAre) {
  struct Odd {
    std::unique_ptr<int> value;
  };
  ThreadPoolExecutor threads{{.max_workers = 1}};
  auto future = threads.submit([]() -> int { throw std::out_of_range("beyond"); });
  EXPECT_THROW(future.get(), std::out_of_range);
  EXPECT_THROW(std::rethrow_exception(future.exception()), std::out_of_range);
  EXPECT_THROW(threads.submit([] { throw std::make_shared<Odd>(); }).get(), std::shared_ptr<Odd>);
}

TEST(ThreadExecutorTest, AValueThatCannotBeCopiedIsGivenOnce) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  auto future = threads.submit([] { return std::make_unique<int>(1); });
  EXPECT_EQ(*future.get(), 1);
  EXPECT_THROW(future.get(), std::future_error);
  using Owners = std::pair<int, std::vector<std::unique_ptr<int>>>;
  auto owners = threads.submit([] {
    Owners made;
    made.second.push_back(std::make_unique<int>(2));
    return made;
  });
  EXPECT_EQ(*owners.get().second.front(), 2);
  EXPECT_THROW(owners.get(), std::future_error);
  auto copied = threads.submit([] { return std::map<int, std::string>{{1, "one"}}; });
  EXPECT_EQ(copied.get(), copied.get());
}

TEST(ThreadExecutorTest, AWaitMayBeLimited) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  BusyThread busy(threads);
  auto future = threads.submit(square, 3);
  EXPECT_THROW(future.get(10ms), TimeoutError);
  EXPECT_TRUE(busy.task().running());
  EXPECT_FALSE(future.running());
  busy.release();
  EXPECT_EQ(future.get(), 9);
}

TEST(ThreadExecutorTest, WhatHasNotBegunCanBeCancelled) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  std::atomic<bool> was_run = false;
  BusyThread busy(threads);
  auto future = threads.submit([&] { was_run = true; });
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_THROW(future.get(), CancelledError);
  EXPECT_FALSE(future.cancel());
  EXPECT_FALSE(busy.task().cancel(Cancel::running));
  busy.release();
  threads.shutdown();
  EXPECT_FALSE(was_run);
}

TEST(ThreadExecutorTest, FuturesOfBothKindsAreWaitedForTogether) {
  ThreadPoolExecutor threads{{.max_workers = 2}};
  ProcessPoolExecutor processes{{.max_workers = 1}};
  std::vector<Future<int>> futures;
  for (int n = 0; n < 20; ++n) {
    futures.push_back(threads.submit(square, n));
    futures.push_back(processes.submit(square, n));
  }
  int sum = 0;
  for (Future<int>& future : as_completed(futures)) sum += future.get();
  EXPECT_EQ(sum, 2 * 2470);
  EXPECT_TRUE(wait(futures).not_done.empty());
}

TEST(ThreadExecutorTest, CallbacksAreCalled) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  std::latch called(2);
  std::atomic<int> seen = 0;
  BusyThread busy(threads);
  auto future = threads.submit(square, 5);
  const auto note = [&](const Future<int>& done) {
    seen += done.get();
    called.count_down();
  };
  future.add_done_callback(note);
  busy.release();
  future.wait();
  future.add_done_callback(note);
  called.wait();
  EXPECT_EQ(seen, 50);
}

TEST(ThreadExecutorTest, ThenRunsInThePoolAfterwards) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  BusyThread busy(threads);
  auto chain = threads.submit(square, 3).then([](int n) { return n + 0.5; }).then([](double x) {
    return std::to_string(x).substr(0, 3) + (gettid() == getpid() ? " here" : " elsewhere");
  });
  auto failed = threads.submit([]() -> int { throw std::runtime_error("no"); }).then(square);
  auto cancelled = threads.submit(square, 1).then(square);
  EXPECT_TRUE(cancelled.cancel());
  busy.release();
  threads.shutdown();  // waits for what comes later
  EXPECT_EQ(chain.get(), "9.5 elsewhere");
  EXPECT_THROW(failed.get(), std::runtime_error);
  EXPECT_THROW(cancelled.get(), CancelledError);
  EXPECT_THROW(chain.then([](const std::string& s) { return s.size(); }).get(), PoolClosedError);
}

// --- options ------------------------------------------------------------------------------------

TEST(ThreadExecutorTest, AsManyRunAtOnceAsThereAreWorkers) {
  ThreadPoolExecutor threads{{.max_workers = 3}};
  std::latch meeting(3);
  std::vector<Future<void>> futures;
  for (int i = 0; i < 3; ++i) {
    futures.push_back(threads.submit([&] { meeting.arrive_and_wait(); }));
  }
  wait(futures);
  EXPECT_THROW(ThreadPoolExecutor({.max_workers = 0}), std::invalid_argument);
  EXPECT_THROW(ThreadPoolExecutor({.max_workers = 2000}), std::invalid_argument);
  EXPECT_EQ(ThreadPoolOptions().max_workers, std::min(32U, cpu_count() + 4));
}

TEST(ThreadExecutorTest, ThreadsThatCannotBeHadAreAnError) {
  SHOAL_SKIP_IF_SANITIZED();
  Process process{ProcessOptions{.limits = {.memory = 64 << 20}}, [] {
                    try {
                      ThreadPoolExecutor threads{{.max_workers = 1000}};
                    } catch (const ResourceError&) {
                      std::exit(7);
                    }
                  }};
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 7);
}

TEST(ThreadExecutorTest, ThreadsHaveNames) {
  ThreadPoolExecutor threads{{.max_workers = 1, .thread_name_prefix = "a-prefix-that-is-long"}};
  const std::string name = threads.submit([] {
    std::array<char, 16> text{};
    ::prctl(PR_GET_NAME, text.data());
    return std::string(text.data());
  }).get();
  EXPECT_EQ(name, "a-prefix-that-0");
}

TEST(ThreadExecutorTest, TheInitializerRunsOnceInEachThread) {
  static thread_local int prepared = 0;
  ThreadPoolExecutor threads{{.max_workers = 2, .initializer = [] { ++prepared; }}};
  for (const int times : threads.map([](int) { return prepared; }, std::vector(100, 0))) {
    EXPECT_EQ(times, 1);
  }
}

TEST(ThreadExecutorTest, AnInitializerThatThrowsBreaksThePool) {
  ThreadPoolExecutor threads{
      {.max_workers = 2, .initializer = [] { throw std::runtime_error("no licence"); }}};
  for (int i = 0; i < 3; ++i) {
    try {
      threads.submit(square, 1).get();
      FAIL();
    } catch (const BrokenPoolError& error) {
      EXPECT_NE(std::string(error.what()).find("no licence"), std::string::npos) << error.what();
    }
  }
}

TEST(ThreadExecutorTest, AHigherPriorityStartsFirst) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  std::vector<int> order;
  BusyThread busy(threads);
  for (const int n : {1, 2}) threads.submit([&order, n] { order.push_back(n); });
  for (const int n : {3, 4}) threads.submit({.priority = 1}, [&order, n] { order.push_back(n); });
  busy.release();
  threads.shutdown();
  EXPECT_EQ(order, (std::vector{3, 4, 1, 2}));
}

TEST(ThreadExecutorTest, WhatHasExpiredNeverRuns) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  std::atomic<bool> was_run = false;
  BusyThread busy(threads);
  auto future = threads.submit({.expires = 5ms, .name = "late"}, [&] { was_run = true; });
  EXPECT_THROW(future.get(), TaskTimeoutError);  // although no thread is free
  busy.release();
  threads.shutdown();
  EXPECT_FALSE(was_run);
}

TEST(ThreadExecutorTest, WhatThrowsIsTriedAgainIfItsUserSaysSo) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  const auto tries_until = [&](int good, const TaskOptions& options) {
    auto tries = std::make_shared<std::atomic<int>>(0);
    auto future = threads.submit(
        options,
        [tries, good](const std::string& text) {
          if (++*tries < good) throw std::runtime_error(text);
          return text;
        },
        std::string(100, 'x'));
    try {
      EXPECT_EQ(future.get(), std::string(100, 'x'));
    } catch (const std::runtime_error&) {
      return -tries->load();
    }
    return tries->load();
  };
  const auto always = [](const std::exception_ptr&) { return true; };
  EXPECT_EQ(tries_until(3, {.retries = 5, .backoff = 1ms, .retry_if = always}), 3);
  EXPECT_EQ(tries_until(3, {.retries = 5, .retry_if = always}), 3);
  EXPECT_EQ(tries_until(9, {.retries = 2, .retry_if = always}), -3);
  EXPECT_EQ(tries_until(2, {.retries = 2}), -1);
  EXPECT_EQ(tries_until(2, {.retries = 2, .retry_if = [](const auto&) { return false; }}), -1);
}

TEST(ThreadExecutorTest, ATimeOutIsRefused) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  EXPECT_THROW(threads.submit({.timeout = 1s}, square, 1), std::invalid_argument);
  EXPECT_THROW(threads.submit({.jitter = 2}, square, 1), std::invalid_argument);
}

// --- the end ------------------------------------------------------------------------------------

TEST(ThreadExecutorTest, ShutdownWaitsUnlessToldNotTo) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  BusyThread busy(threads);
  auto queued = threads.submit(square, 2);
  threads.shutdown({.wait = false});
  EXPECT_FALSE(queued.done());
  EXPECT_THROW(threads.submit(square, 1), PoolClosedError);
  busy.release();
  threads.shutdown();
  EXPECT_TRUE(queued.done());
}

TEST(ThreadExecutorTest, ShutdownCanCancelWhatHasNotStarted) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  BusyThread busy(threads);
  auto queued = threads.submit(square, 2);
  auto behind = queued.then(square);
  threads.shutdown({.wait = false, .cancel_futures = true});
  EXPECT_TRUE(queued.cancelled());
  EXPECT_TRUE(behind.cancelled());
  EXPECT_FALSE(busy.task().done());
}

TEST(ThreadExecutorTest, ATaskCannotWaitForTheEndOfItsOwnPool) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  EXPECT_THROW(threads.submit([&] { threads.shutdown(); }).get(), std::logic_error);
}

TEST(ThreadExecutorTest, AFutureOutlivesItsPool) {
  Future<int> future;
  {
    ThreadPoolExecutor threads;
    future = threads.submit(square, 4);
  }
  EXPECT_EQ(future.get(), 16);
}

TEST(ThreadExecutorTest, APoolMayEndInACallback) {
  std::latch ended(1);
  auto threads = std::make_unique<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
  auto first = threads->submit(square, 3);
  auto second = first.then(square);
  second.add_done_callback([&](const Future<int>&) {
    threads.reset();
    ended.count_down();
  });
  ended.wait();
  EXPECT_EQ(second.get(), 81);
}

TEST(ThreadExecutorTest, ArgumentsAreGoneWhenTheTaskIsDone) {
  ThreadPoolExecutor threads{{.max_workers = 1}};
  auto held = std::make_shared<int>(1);
  const auto future = threads.submit([held] { return *held; });
  future.wait();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ThreadExecutorTest, AForkedCopyHasNoThreadsAndSaysSo) {
  auto threads = std::make_unique<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
  EXPECT_EQ(threads->submit(square, 2).get(), 4);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      static_cast<void>(threads->submit(square, 2));
    } catch (const std::logic_error&) {
      status = 0;
    }
    threads.reset();  // waits for nobody
    ::_exit(status);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(ThreadExecutorTest, ManySubmitFromManyThreads) {
  ThreadPoolExecutor threads{{.max_workers = 4}};
  std::atomic<int> ran = 0;
  {
    std::vector<std::jthread> users;
    for (int user = 0; user < 4; ++user) {
      users.emplace_back([&] {
        std::vector<Future<int>> futures;
        for (int n = 0; n < 500; ++n) {
          futures.push_back(threads.submit([&ran, n] { return ++ran, n; }));
        }
        for (int n = 0; n < 500; ++n) EXPECT_EQ(futures[static_cast<std::size_t>(n)].get(), n);
      });
    }
  }
  EXPECT_EQ(ran, 2000);
}

}  // namespace
}  // namespace shoal
