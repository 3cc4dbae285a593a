// SPDX-License-Identifier: Apache-2.0
// What comes back from a task: values of every size, exceptions of every kind.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

int add(int a, int b) { return a + b; }
int add_noexcept(int a, int b) noexcept { return a + b; }
std::string repeat(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}
std::unique_ptr<int> make_pointer(int n) { return std::make_unique<int>(n); }
std::size_t count_bytes(const std::vector<double>& values) {
  return values.size() * sizeof(double);
}
std::vector<double> iota(std::size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

struct Multiply {
  long operator()(long a, long b) const { return a * b; }
};

struct Person {
  std::string name;
  int age;
  std::vector<std::string> pets;
  bool operator==(const Person&) const = default;
};
Person grow_older(Person person) {
  ++person.age;
  return person;
}

struct Odd {};
class Special : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

TEST_P(ExecutorSuite, CallsFunctionsOfEveryKind_163) {
  ProcessPoolExecutor pool = make_pool(2);
  EXPECT_EQ(pool.submit(add, 2, 3).get(), 5);
  EXPECT_EQ(pool.submit(add_noexcept, 2, 3).get(), 5);
  EXPECT_EQ(pool.submit([](int n) { return n * n; }, 12).get(), 144);
  EXPECT_EQ(pool.submit(Multiply{}, 6, 7).get(), 42);
  EXPECT_EQ(pool.submit(shoal::bind(add, 40), 2).get(), 42);
  EXPECT_EQ(pool.submit(repeat, "ab", 3).get(), "ababab");
}

TEST_P(ExecutorSuite, ConvertsArgumentsInTheCaller) {
  ProcessPoolExecutor pool = make_pool(1);
  const short small = 4;
  EXPECT_EQ(pool.submit(Multiply{}, small, 2.9).get(), 8);
}

TEST_P(ExecutorSuite, CarriesUserTypesAndContainers) {
  ProcessPoolExecutor pool = make_pool(1);
  const Person person{"Ada", 36, {"cat", "dog"}};
  EXPECT_EQ(pool.submit(grow_older, person).get(), (Person{"Ada", 37, {"cat", "dog"}}));
  const std::map<std::string, std::list<int>> nested{{"a", {1, 2}}, {"b", {}}};
  EXPECT_EQ(
      pool.submit([](const std::map<std::string, std::list<int>>& m) { return m; }, nested).get(),
      nested);
}

TEST_P(ExecutorSuite, CarriesArgumentsOfEverySize) {
  ProcessPoolExecutor pool = make_pool(1);
  for (const std::size_t count : {0U, 1U, 9U, 10U, 11U, 500U, 2000U, 2048U, 4000U, 1'000'000U}) {
    EXPECT_EQ(pool.submit(count_bytes, iota(count)).get(), count * sizeof(double));
  }
}

TEST_P(ExecutorSuite, BringsBackResultsOfEverySize) {
  ProcessPoolExecutor pool = make_pool(1);
  for (const std::size_t count : {0U, 1U, 11U, 12U, 13U, 500U, 2047U, 2048U, 4000U, 1'000'000U}) {
    EXPECT_EQ(pool.submit(iota, count).get(), iota(count)) << count;
  }
}

TEST_P(ExecutorSuite, KeepsManyLargeResultsApart) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Future<std::vector<double>>> futures;
  for (std::size_t i = 0; i < 200; ++i) futures.push_back(pool.submit(iota, 1 + 37 * i));
  for (std::size_t i = futures.size(); i-- > 0;) EXPECT_EQ(futures[i].get(), iota(1 + 37 * i));
}

TEST_P(ExecutorSuite, AVoidTaskFinishes) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<void> future = pool.submit([] {});
  future.get();
  EXPECT_TRUE(future.done());
}

TEST_P(ExecutorSuite, AResultCanBeHadManyTimesByManyCopies) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<std::string> future = pool.submit(repeat, "x", 1000);
  Future<std::string> copy = future;
  EXPECT_EQ(future.get(), std::string(1000, 'x'));
  EXPECT_EQ(copy.get(), future.get());
}

TEST_P(ExecutorSuite, AMoveOnlyResultCanBeHadOnce) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<std::unique_ptr<int>> future = pool.submit(make_pointer, 7);
  EXPECT_EQ(*future.get(), 7);
  EXPECT_THROW(future.get(), std::future_error);
}

TEST_P(ExecutorSuite, AnEmptyFutureSaysSo) {
  Future<int> future;
  EXPECT_FALSE(future.valid());
  EXPECT_THROW(future.get(), std::future_error);
}

TEST_P(ExecutorSuite, StandardExceptionsArriveAsThemselves_178) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<int> future =
      pool.submit([](int n) -> int { throw std::invalid_argument("no " + std::to_string(n)); }, 5);
  for (int i = 0; i < 2; ++i) {  // each get throws a copy of its own
    try {
      future.get();
      FAIL() << "nothing was thrown";
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), "no 5");
      EXPECT_NE(remote_trace(error).find("std::invalid_argument: no 5"), std::string::npos)
          << remote_trace(error);
    }
  }
  EXPECT_NE(future.exception(), nullptr);
}

TEST_P(ExecutorSuite, ADerivedExceptionArrivesAsItsStandardBase) {
  ProcessPoolExecutor pool = make_pool(1);
  try {
    pool.submit([]() -> int { throw Special("far out"); }).get();
    FAIL() << "nothing was thrown";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "far out");
    EXPECT_NE(remote_trace(error).find("Special"), std::string::npos);
  }
}

TEST_P(ExecutorSuite, OtherThrownThingsArriveAsRemoteError) {
  ProcessPoolExecutor pool = make_pool(1);
  try {
    pool.submit([] { throw Odd{}; }).get();
    FAIL() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_NE(error.type_name().find("Odd"), std::string::npos);
    EXPECT_FALSE(error.trace().empty());
  }
  EXPECT_THROW(pool.submit([] { throw 42; }).get(), RemoteError);
}

TEST_P(ExecutorSuite, AnExceptionCostsNoWorker) {
  ProcessPoolExecutor pool = make_pool(1);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THROW(pool.submit([] { throw std::runtime_error("x"); }).get(), std::runtime_error);
  }
  EXPECT_EQ(pool.stats().restarted, 0U);
  EXPECT_EQ(pool.stats().failed, 50U);
}

TEST_P(ExecutorSuite, GetWithATimeoutLeavesTheTaskRunning) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  Future<int> future = pool.submit([](Connection line) { return line.recv<int>(); }, there);
  EXPECT_THROW(future.get(0ns), TimeoutError);
  EXPECT_THROW(future.get(20ms), TimeoutError);
  EXPECT_FALSE(future.wait(1ms));
  here.send(9);
  EXPECT_EQ(future.get(), 9);
}

TEST_P(ExecutorSuite, AConnectionTravelsAsArgumentAndAsResult) {
  ProcessPoolExecutor pool = make_pool(1);
  Future<Connection> future = pool.submit([] {
    auto [a, b] = pipe();
    a.send(std::string("from inside"));
    return b;
  });
  EXPECT_EQ(future.get().recv<std::string>(), "from inside");
}

TEST_P(ExecutorSuite, AHandleThatIsMovedInIsNoLongerHeldHere_168) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  Future<void> future = pool.submit([](const Connection& line) { line.send(1); }, std::move(there));
  EXPECT_TRUE(there.closed());
  future.get();
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_THROW(here.recv<int>(), EndOfStreamError);
}

TEST_P(ExecutorSuite, ManyThreadsSubmitAndGetAtOnce) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) right += pool.submit(add, t, i).get() == t + i;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 200);
}

TEST_P(ExecutorSuite, OneResultWakesManyWaiters) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  Future<int> future = pool.submit([](Connection line) { return line.recv<int>(); }, there);
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, copy = future]() mutable { sum += copy.get(); });
  }
  here.send(7);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 42);
}

TEST_P(ExecutorSuite, ATaskMayHaveAPoolOfItsOwn) {
  ProcessPoolExecutor pool = make_pool(1);
  const int sum = pool.submit([] {
                        ProcessPoolExecutor inner{{.max_workers = 1}};
                        return inner.submit(add, 20, 22).get();
                      })
                      .get();
  EXPECT_EQ(sum, 42);
}

// What this process has open, but for the three streams: "socket:", "anon_inode:[eventfd]", ...
std::vector<std::string> list_descriptors() {
  std::vector<std::string> kinds;
  for (int fd = 3; fd < 70'000; ++fd) {
    std::error_code missing;
    const auto target =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), missing).string();
    if (!missing)
      kinds.push_back(target.starts_with("socket:") || target.starts_with("pipe:")
                          ? target.substr(0, target.find(':'))
                          : target);
  }
  std::ranges::sort(kinds);
  return kinds;
}

TEST_P(ExecutorSuite, AWorkerHoldsNoStrayDescriptors_20) {
  const UniqueFd stray(::dup(STDERR_FILENO));  // not close-on-exec: the host forgot
  ProcessPoolExecutor pool = make_pool(2);
  // Its parent's sentinel, its three bells and its control socket.
  const std::vector<std::string> expected{"anon_inode:[pidfd]", "pipe", "pipe", "pipe", "socket"};
  EXPECT_EQ(pool.submit(list_descriptors).get(), expected);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorSuite);

}  // namespace shoal::test
