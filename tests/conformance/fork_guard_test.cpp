// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <shoal/error.hpp>
#include <shoal/process.hpp>
#include <string>
#include <thread>

namespace shoal::test {
namespace {

// A thread of the host's own, named "hostess", for as long as this lives.
class HostThread {
 public:
  HostThread() {
    std::promise<void> named;
    std::future<void> is_named = named.get_future();
    thread_ = std::thread([this, &named] {
      ::pthread_setname_np(::pthread_self(), "hostess");
      named.set_value();
      end_.get_future().wait();
    });
    is_named.wait();
  }
  ~HostThread() {
    end_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> end_;
  std::thread thread_;
};

TEST(ForkGuardTest, ForkWithOtherThreadsIsRefusedByTheirNames) {
  const HostThread thread;
  Process child = get_context(StartMethod::fork).process([] {});
  try {
    child.start();
    FAIL() << "it was started";
  } catch (const StartError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("\"hostess\""), std::string::npos) << what;
    EXPECT_NE(what.find("fork_with_threads"), std::string::npos) << what;
  }
  EXPECT_FALSE(child.is_alive());
}

TEST(ForkGuardTest, ForkWithThreadsIsForked) {
  const HostThread thread;
  Process child =
      get_context(StartMethod::fork).process({.fork_with_threads = true}, [] { std::exit(6); });
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 6);
}

TEST(ForkGuardTest, RefusedProcessStartsOnceTheThreadsAreGone) {
  Process child = get_context(StartMethod::fork).process([] { std::exit(7); });
  {
    const HostThread thread;
    EXPECT_THROW(child.start(), StartError);
  }
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 7);
}

TEST(ForkGuardTest, ThreadThatWasJoinedDoesNotCount) {
  for (int round = 0; round < 200; ++round) {
    std::thread([] {}).join();
    Process child = get_context(StartMethod::fork).process([] {});
    EXPECT_NO_THROW(child.start());
    child.join();
  }
}

TEST(ForkGuardTest, OtherMethodsDoNotMindThreads) {
  const HostThread thread;
  for (const StartMethod method : {StartMethod::spawn, StartMethod::forkserver}) {
    Process child = get_context(method).process([] { std::exit(8); });
    child.start();
    child.join();
    EXPECT_EQ(child.exitcode(), 8);
  }
}

}  // namespace
}  // namespace shoal::test
