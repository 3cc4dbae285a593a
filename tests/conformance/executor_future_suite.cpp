// SPDX-License-Identifier: Apache-2.0
// What a future tells, and whom it calls back.

#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "conformance/faces_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class FutureSuite : public ExecutorSuite {};

// A callback, and what it was called with.
template <class T>
class Called {
 public:
  std::function<void(Future<T>)> callback() {
    return [this](Future<T> future) {
      thread_ = std::this_thread::get_id();
      promise_.set_value(std::move(future));
    };
  }
  /// Waits for the call.
  Future<T> future() { return called_.get(); }
  bool is_called() const { return called_.wait_for(0s) == std::future_status::ready; }
  std::thread::id thread() const { return thread_; }

 private:
  std::promise<Future<T>> promise_;
  std::shared_future<Future<T>> called_ = promise_.get_future().share();
  std::thread::id thread_;
};

TEST_P(FutureSuite, CallbacksRunOnResultExceptionAndCancel_192) {
  ProcessPoolExecutor pool = make_pool(1);
  Called<int> on_value;
  Called<int> on_error;
  Called<int> on_cancel;
  Occupied worker(pool);
  Future<int> value = pool.submit(square, 3);
  Future<int> error = pool.submit(fail_with, "no");
  Future<int> cancelled = pool.submit(square, 4);
  value.add_done_callback(on_value.callback());
  error.add_done_callback(on_error.callback());
  cancelled.add_done_callback(on_cancel.callback());
  EXPECT_FALSE(on_value.is_called());
  EXPECT_TRUE(cancelled.cancel());
  EXPECT_TRUE(on_cancel.future().cancelled());
  worker.release();
  EXPECT_EQ(on_value.future().get(), 9);
  EXPECT_THROW(on_error.future().get(), std::runtime_error);
  EXPECT_NE(on_value.thread(), std::this_thread::get_id());
}

TEST_P(FutureSuite, CallbacksOfADoneFutureRunAtOnce_192) {
  ProcessPoolExecutor pool = make_pool(1);
  for (Future<int> future : {pool.submit(square, 3), pool.submit(fail_with, "no")}) {
    future.wait();
    Called<int> called;
    future.add_done_callback(called.callback());
    ASSERT_TRUE(called.is_called());
    EXPECT_EQ(called.thread(), std::this_thread::get_id());
  }
  Occupied worker(pool);
  Future<int> cancelled = pool.submit(square, 4);
  cancelled.cancel();
  Called<int> called;
  cancelled.add_done_callback(called.callback());
  EXPECT_TRUE(called.is_called());
  worker.release();
}

TEST_P(FutureSuite, ARaisingCallbackIsLoggedAndTheNextRuns_192) {
  ProcessPoolExecutor pool = make_pool(1);
  testing::internal::CaptureStderr();
  Called<int> called;
  Occupied worker(pool);
  worker.future().add_done_callback(
      [](const Future<int>&) { throw std::runtime_error("from a callback"); });
  worker.future().add_done_callback([](const Future<int>&) { throw 5; });
  worker.future().add_done_callback(called.callback());
  worker.release(7);
  EXPECT_EQ(called.future().get(), 7);
  worker.future().add_done_callback(
      [](const Future<int>&) { throw std::runtime_error("at once"); });
  base::flush_log();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("from a callback"), std::string::npos) << log;
  EXPECT_NE(log.find("no std::exception"), std::string::npos) << log;
  EXPECT_NE(log.find("at once"), std::string::npos) << log;
}

TEST_P(FutureSuite, CallbacksRunInTheOrderInWhichTheyWereAdded) {
  ProcessPoolExecutor pool = make_pool(1);
  std::vector<int> order;
  Called<int> last;
  Occupied worker(pool);
  for (int n = 0; n < 10; ++n) {
    worker.future().add_done_callback([&order, n](const Future<int>&) { order.push_back(n); });
  }
  worker.future().add_done_callback(last.callback());
  worker.release();
  last.future();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_P(FutureSuite, ACallbackMayUseThePool) {
  ProcessPoolExecutor pool = make_pool(1);
  std::promise<int> result;
  Occupied worker(pool);
  worker.future().add_done_callback(
      [&](Future<int> future) { result.set_value(pool.submit(square, future.get()).get()); });
  worker.release(6);
  EXPECT_EQ(result.get_future().get(), 36);
}

TEST_P(FutureSuite, ALostWorkersTaskCallsBack) {
  ProcessPoolExecutor pool = make_pool(1);
  Called<void> called;
  Future<void> future = pool.submit([] { ::_exit(3); });
  future.add_done_callback(called.callback());
  EXPECT_THROW(called.future().get(), WorkerLostError);
}

TEST_P(FutureSuite, AnEmptyCallbackIsRefused) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit(square, 1).add_done_callback({}), std::invalid_argument);
}

TEST_P(FutureSuite, CancelFromEachState_193) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied running(pool);
  Future<int> queued = pool.submit(square, 2);
  EXPECT_FALSE(running.future().cancel());
  EXPECT_TRUE(queued.cancel());
  EXPECT_FALSE(queued.cancel());  // it is done
  running.release(1);
  EXPECT_EQ(running.future().get(), 1);
  EXPECT_FALSE(running.future().cancel());
  Future<int> failed = pool.submit(fail_with, "no");
  failed.wait();
  EXPECT_FALSE(failed.cancel());
  EXPECT_FALSE(failed.cancelled());
}

TEST_P(FutureSuite, ResultAndExceptionWithNoTimeInEachState_194) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied running(pool);
  Future<int> queued = pool.submit(square, 5);
  Future<int> cancelled = pool.submit(square, 6);
  cancelled.cancel();
  for (Future<int>* future : {&running.future(), &queued}) {
    EXPECT_THROW(future->get(0s), TimeoutError);
    EXPECT_THROW(future->exception(0s), TimeoutError);
    EXPECT_FALSE(future->done());
  }
  EXPECT_THROW(cancelled.get(0s), CancelledError);
  EXPECT_THROW(std::rethrow_exception(cancelled.exception(0s)), CancelledError);
  running.release(5);
  EXPECT_EQ(queued.get(), 25);
  EXPECT_EQ(queued.get(0s), 25);
  EXPECT_EQ(queued.exception(0s), nullptr);
  Future<int> failed = pool.submit(fail_with, "no");
  failed.wait();
  EXPECT_THROW(failed.get(0s), std::runtime_error);
  EXPECT_THROW(std::rethrow_exception(failed.exception(0s)), std::runtime_error);
}

TEST_P(FutureSuite, AWaiterIsReleasedFromAnotherThread_195) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied running(pool);
  Future<int> queued = pool.submit(square, 1);
  std::promise<void> is_there;
  std::thread other([&] {
    is_there.set_value();
    EXPECT_THROW(queued.get(), CancelledError);
    EXPECT_EQ(running.future().get(), 8);
  });
  is_there.get_future().wait();
  EXPECT_TRUE(queued.cancel());
  running.release(8);
  other.join();
}

TEST_P(FutureSuite, CopiesShareOneResult) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> first = pool.submit(square, 9);
  const Future<int> second = first;
  EXPECT_EQ(first.get(), 81);
  EXPECT_TRUE(second.done());
  EXPECT_EQ(Future<int>(second).get(), 81);
}

SHOAL_FOR_EACH_START_METHOD(FutureSuite);

}  // namespace
}  // namespace shoal::test
