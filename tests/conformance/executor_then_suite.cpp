// SPDX-License-Identifier: Apache-2.0
// Tasks that follow others.

#include <unistd.h>

#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "conformance/faces_suite.hpp"

namespace shoal::test {

// A value that cannot be read back.
struct Unreadable {
  int number = 0;
};

}  // namespace shoal::test

template <>
struct shoal::Codec<shoal::test::Unreadable> {
  static void encode(Writer& writer, const test::Unreadable& value) { writer.put(value.number); }
  static test::Unreadable decode(Reader&) { throw CodecError("an unreadable value"); }
};

namespace shoal::test {
namespace {

class ThenSuite : public ExecutorSuite {};

Unreadable make_unreadable() { return {1}; }
int number_of(const Unreadable& value) { return value.number; }
std::string spell(int n) { return std::to_string(n); }
int add(int a, int b) { return a + b; }
int own_pid(int) { return ::getpid(); }
std::unique_ptr<int> box(int n) { return std::make_unique<int>(n); }
int unbox(std::unique_ptr<int> boxed) { return *boxed; }
std::size_t length(const std::string& text) { return text.size(); }

TEST_P(ThenSuite, TheValueGoesToTheFunctionInAWorker) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(square, 7).then(spell).get(), "49");
  EXPECT_NE(pool.submit(square, 7).then(own_pid).get(), ::getpid());
}

TEST_P(ThenSuite, ItMayFollowWhatIsDone) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> first = pool.submit(square, 3);
  first.wait();
  EXPECT_EQ(first.then(spell).get(), "9");
  EXPECT_EQ(first.then(shoal::bind(add, 1)).get(), 10);
  EXPECT_EQ(first.get(), 9);
}

TEST_P(ThenSuite, ChainsAndFansWork) {
  ProcessPoolExecutor pool = make_pool(2);
  Occupied worker(pool);
  Future<std::string> end =
      worker.future().then(square).then([](int n) { return n + 1; }).then(spell);
  std::vector<Future<int>> fan;
  for (int n = 0; n < 100; ++n) fan.push_back(worker.future().then(shoal::bind(add, n)));
  EXPECT_FALSE(end.done());
  EXPECT_FALSE(end.running());
  worker.release(4);
  EXPECT_EQ(end.get(), "17");
  for (int n = 0; n < 100; ++n) EXPECT_EQ(fan[static_cast<std::size_t>(n)].get(), n + 4);
}

TEST_P(ThenSuite, AVoidFutureCallsWithNothing) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<void> first = pool.submit([] {});
  EXPECT_EQ(first.then([] { return 5; }).get(), 5);
  pool.submit(square, 2).then([](int) {}).get();
}

TEST_P(ThenSuite, AValueThatCannotBeCopiedIsGivenAway) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<std::unique_ptr<int>> first = pool.submit(box, 11);
  EXPECT_EQ(first.then(unbox).get(), 11);
  EXPECT_THROW(first.get(), std::future_error);
}

TEST_P(ThenSuite, LargeValuesGoOn) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<std::string> first = pool.submit([](int n) { return std::string(1U << 20, char(n)); }, 65);
  EXPECT_EQ(first.then(length).get(), 1U << 20);
}

TEST_P(ThenSuite, AFailurePassesThroughWithItsType) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<std::string> end = pool.submit(fail_with, "early").then(square).then(spell);
  for (int i = 0; i < 2; ++i) {
    try {
      end.get();
      FAIL() << "it gave a value";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "early");
      EXPECT_FALSE(remote_trace(error).empty());
    }
  }
  EXPECT_FALSE(end.cancelled());
  EXPECT_EQ(pool.stats().completed, 0U);  // nothing ran behind it
}

TEST_P(ThenSuite, ALostWorkerPassesThrough) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit([] { ::_exit(1); }).then([] { return 1; }).get(), WorkerLostError);
  EXPECT_EQ(pool.submit(square, 2).get(), 4);
}

TEST_P(ThenSuite, AValueThatCannotBeReadFailsWhatFollows) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<Unreadable> first = pool.submit(make_unreadable);
  Future<int> second = first.then(number_of);
  EXPECT_THROW(second.get(), CodecError);
  EXPECT_THROW(second.get(), CodecError);
}

TEST_P(ThenSuite, OneThatWaitsCanBeCancelled) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  Future<int> second = worker.future().then(square);
  Future<int> third = second.then(square);
  EXPECT_TRUE(second.cancel());
  EXPECT_FALSE(second.cancel());
  EXPECT_TRUE(second.cancelled());
  EXPECT_THROW(second.get(), CancelledError);
  EXPECT_THROW(third.get(), CancelledError);
  worker.release(1);
  EXPECT_EQ(worker.future().get(), 1);
  EXPECT_EQ(pool.submit(square, 3).get(), 9);
}

TEST_P(ThenSuite, ACancelledPredecessorPassesThrough) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  Future<int> queued = pool.submit(square, 1);
  Future<std::string> second = queued.then(spell);
  queued.cancel();
  EXPECT_THROW(second.get(), CancelledError);
  worker.release();
}

TEST_P(ThenSuite, AfterShutdownItHoldsPoolClosedError) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  Future<int> done = worker.future();
  pool.shutdown({.wait = false});
  Future<int> refused = done.then(square);
  EXPECT_TRUE(refused.done());
  EXPECT_THROW(refused.get(), PoolClosedError);
  worker.release(1);
  EXPECT_EQ(done.get(), 1);
  pool.shutdown();
  EXPECT_THROW(done.then(square).get(), PoolClosedError);
}

TEST_P(ThenSuite, ShutdownAndTheDestructorWaitForWhatFollows) {
  std::optional<ProcessPoolExecutor> pool = make_pool(2);
  Occupied worker(*pool);
  Future<std::string> end = worker.future().then(square).then(square).then(spell);
  pool->shutdown({.wait = false});
  worker.release(2);
  pool->shutdown();
  EXPECT_TRUE(end.done());
  EXPECT_EQ(end.get(), "16");

  pool = make_pool(1);
  end = pool->submit(square, 3).then(square).then(spell);
  pool.reset();
  EXPECT_TRUE(end.done());
  EXPECT_EQ(end.get(), "81");
}

TEST_P(ThenSuite, ShutdownCanCancelWhatFollows) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  Future<int> second = worker.future().then(square);
  Future<int> third = second.then(square);
  EXPECT_EQ(pool.stats().queued, 2U);
  pool.shutdown({.wait = false, .cancel_futures = true});
  EXPECT_TRUE(second.cancelled());
  EXPECT_TRUE(third.cancelled());
  worker.release(1);
  pool.shutdown();
  EXPECT_EQ(worker.future().get(), 1);
}

TEST_P(ThenSuite, OtherPoolsAreNotMistakenForItsOwn) {
  std::optional<ProcessPoolExecutor> first = make_pool(1);
  Future<int> done = first->submit(square, 2);
  done.wait();
  first.reset();
  ProcessPoolExecutor second = make_pool(1);
  EXPECT_THROW(done.then(square).get(), PoolClosedError);
}

TEST_P(ThenSuite, APoolMayEndInACallbackWhileSuccessorsAreStillToCome) {
  std::optional<ProcessPoolExecutor> pool(make_pool(1));
  auto [here, there] = pipe();
  auto [first, second] = pipe();
  Future<int> before = pool->submit([](Connection word) { return word.recv<int>(); }, there);
  Future<int> last = pool->submit([](Connection word) { return word.recv<int>(); }, second)
                         .then([](int n) { return n + 1; });
  std::promise<void> ended;
  before.add_done_callback([&, to = first](Future<int>) {
    to.send(2);
    pool.reset();
    ended.set_value();
  });
  here.send(1);
  ended.get_future().wait();
  EXPECT_EQ(last.get(), 3);
}

SHOAL_FOR_EACH_START_METHOD(ThenSuite);

}  // namespace
}  // namespace shoal::test
