// SPDX-License-Identifier: Apache-2.0
// What waits for a worker: its order, and how much of it there may be.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorQueueSuite : public ExecutorSuite {
 protected:
  ProcessPoolExecutor pool_with(PoolOptions options) const {
    options.context = get_context(GetParam());
    return ProcessPoolExecutor(options);
  }
};

int wait_for_word(Connection line) { return line.recv<int>(); }
int same(int n) { return n; }
std::size_t size_of(const std::string& text) { return text.size(); }
void await_running(const Future<int>& future) {
  while (!future.running()) std::this_thread::sleep_for(1ms);
}

TEST_P(ExecutorQueueSuite, AHigherPriorityStartsFirst) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  auto [here, there] = pipe();
  Future<int> first = pool.submit(wait_for_word, there);
  await_running(first);
  auto [reader, writer] = pipe(Duplex::no);
  const auto say = [](Connection line, int n) { line.send(n); };
  std::vector<Future<void>> futures;
  for (const int priority : {0, -1, 5, 0, 7, 5}) {
    futures.push_back(
        pool.submit({.priority = priority}, say, writer, static_cast<int>(futures.size())));
  }
  here.send(0);
  std::vector<int> order;
  for (std::size_t i = 0; i < futures.size(); ++i) order.push_back(reader.recv<int>());
  EXPECT_EQ(order, (std::vector<int>{4, 2, 5, 0, 3, 1}));
}

TEST_P(ExecutorQueueSuite, AHigherPriorityOvertakesWhatWasHandedOverAhead) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1});
  for (int i = 0; i < 64; ++i) pool.submit(same, i).get();  // known to be short
  for (int round = 0; round < 50; ++round) {
    std::vector<Future<int>> many;
    for (int i = 0; i < 50; ++i) many.push_back(pool.submit(same, i));
    Future<int> urgent = pool.submit({.priority = 1}, same, 99);
    EXPECT_EQ(urgent.get(), 99);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(many[static_cast<std::size_t>(i)].get(), i);
  }
}

TEST_P(ExecutorQueueSuite, TrySubmitGivesNothingWhereTheQueueIsFull) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_queued = 2});
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  await_running(running);
  std::optional<Future<int>> second = pool.try_submit(same, 2);
  std::optional<Future<int>> third = pool.try_submit({.priority = 1}, same, 3);
  ASSERT_TRUE(second.has_value());
  ASSERT_TRUE(third.has_value());
  EXPECT_FALSE(pool.try_submit(same, 4).has_value());
  EXPECT_FALSE(pool.try_submit({.priority = 9}, same, 5).has_value());
  here.send(1);
  EXPECT_EQ(second->get(), 2);
  EXPECT_EQ(third->get(), 3);
  EXPECT_TRUE(pool.try_submit(same, 6).has_value());
}

TEST_P(ExecutorQueueSuite, SubmitWaitsForRoom) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_queued = 1});
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  await_running(running);
  Future<int> queued = pool.submit(same, 1);
  std::future<int> blocked =
      std::async(std::launch::async, [&] { return pool.submit(same, 2).get(); });
  EXPECT_EQ(blocked.wait_for(50ms), std::future_status::timeout);
  here.send(1);
  EXPECT_EQ(blocked.get(), 2);
  EXPECT_EQ(queued.get(), 1);
}

TEST_P(ExecutorQueueSuite, ACancelledTaskMakesRoom) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_queued = 1});
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  await_running(running);
  Future<int> queued = pool.submit(same, 1);
  std::future<Future<int>> blocked =
      std::async(std::launch::async, [&] { return pool.submit(same, 2); });
  EXPECT_EQ(blocked.wait_for(50ms), std::future_status::timeout);
  EXPECT_TRUE(queued.cancel());
  Future<int> next = blocked.get();
  here.send(1);
  EXPECT_EQ(next.get(), 2);
}

TEST_P(ExecutorQueueSuite, ShutdownEndsTheWaitForRoom) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_queued = 1});
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  await_running(running);
  Future<int> queued = pool.submit(same, 1);
  std::future<Future<int>> blocked =
      std::async(std::launch::async, [&] { return pool.submit(same, 2); });
  EXPECT_EQ(blocked.wait_for(50ms), std::future_status::timeout);
  pool.shutdown({.wait = false});
  EXPECT_THROW(blocked.get(), PoolClosedError);
  here.send(1);
  EXPECT_EQ(queued.get(), 1);
}

TEST_P(ExecutorQueueSuite, ManyThreadsShareLittleRoom) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 2, .max_queued = 3});
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<Future<int>> futures;
      for (int i = 0; i < 500; ++i) futures.push_back(pool.submit(same, 1));
      for (Future<int>& future : futures) sum += future.get();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 2000);
}

TEST_P(ExecutorQueueSuite, BytesAreBoundedToo) {
  ProcessPoolExecutor pool = pool_with({.max_workers = 1, .max_queued_bytes = 100'000});
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, there);
  await_running(running);
  const std::string text(60'000, 'x');
  std::optional<Future<std::size_t>> first = pool.try_submit(size_of, text);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(pool.try_submit(size_of, text).has_value());
  std::optional<Future<std::size_t>> small = pool.try_submit(size_of, std::string("small"));
  ASSERT_TRUE(small.has_value());
  here.send(1);
  EXPECT_EQ(first->get(), text.size());
  EXPECT_EQ(small->get(), 5U);
  // What is larger than the whole room goes alone.
  EXPECT_EQ(pool.submit(size_of, std::string(200'000, 'y')).get(), 200'000U);
}

TEST_P(ExecutorQueueSuite, ACallbackNeverWaitsForRoom) {
  std::promise<std::string> said;
  std::atomic<ProcessPoolExecutor*> shared{nullptr};
  std::atomic<bool> is_told{false};
  std::optional<ProcessPoolExecutor> pool;
  pool.emplace(PoolOptions{.max_workers = 1,
                           .context = get_context(GetParam()),
                           .max_queued = 1,
                           .on_worker_event = [&](const WorkerEvent& event) {
                             if (event.kind != WorkerEvent::Kind::lost || is_told.exchange(true)) {
                               return;
                             }
                             try {
                               for (;;) shared.load()->submit(same, 1);
                             } catch (const ResourceError& error) {
                               said.set_value(error.what());
                             }
                           }});
  shared = &*pool;
  const int pid = pool->submit([] { return ::getpid(); }).get();
  ::kill(pid, SIGKILL);
  EXPECT_NE(said.get_future().get().find("max_queued"), std::string::npos);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorQueueSuite);

}  // namespace
}  // namespace shoal::test
