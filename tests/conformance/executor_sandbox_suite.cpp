// SPDX-License-Identifier: Apache-2.0
// What a worker is kept from, and what goes on nevertheless.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <numeric>
#include <shoal/queue.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/forbidden_things.hpp"

namespace shoal::test {
namespace {

class ExecutorSandboxSuite : public ExecutorSuite {
 protected:
  static ProcessPoolExecutor shut_in_pool(Sandbox sandbox, unsigned workers = 1) {
    return ProcessPoolExecutor{
        {.max_workers = workers, .context = get_context(GetParam()), .sandbox = sandbox}};
  }
};

int own_pid() { return ::getpid(); }
int has_given_up_privileges() { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }

TEST_P(ExecutorSandboxSuite, StrictRefusesEveryForbiddenThing) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict);
  const int pid = pool.submit(own_pid).get();
  EXPECT_EQ(pool.submit(not_refused).get(), "");
  EXPECT_EQ(pool.submit(has_given_up_privileges).get(), 1);
  EXPECT_EQ(pool.submit(own_pid).get(), pid) << "refusing must not end the worker";
}

TEST_P(ExecutorSandboxSuite, NothingIsRefusedWithoutASandbox) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::none);
  EXPECT_EQ(pool.submit(refused).get(), "");
}

TEST_P(ExecutorSandboxSuite, NoNewPrivsRefusesNothingElse) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::no_new_privs);
  EXPECT_EQ(pool.submit(refused).get(), "");
  EXPECT_EQ(pool.submit(has_given_up_privileges).get(), 1);
}

TEST_P(ExecutorSandboxSuite, TheParentIsNotShutIn) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict);
  EXPECT_EQ(pool.submit(has_given_up_privileges).get(), 1);
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(shut_in_pool(Sandbox::none).submit(has_given_up_privileges).get(),
            has_given_up_privileges());
}

TEST_P(ExecutorSandboxSuite, StrictWorkersRunTasksWithLargeArgumentsAndResults) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict, 2);
  std::vector<std::byte> large(64 << 20);
  for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<std::byte>(i >> 12);
  auto echo = [](std::vector<std::byte> bytes) { return bytes; };
  for (int round = 0; round < 2; ++round) EXPECT_EQ(pool.submit(echo, large).get(), large);
  std::vector<Future<std::vector<std::byte>>> kept;
  const std::vector<std::byte> some(100'000, std::byte{5});
  for (int i = 0; i < 300; ++i) kept.push_back(pool.submit(echo, some));
  for (Future<std::vector<std::byte>>& future : kept) EXPECT_EQ(future.get(), some);
}

TEST_P(ExecutorSandboxSuite, StrictWorkersUseTheQueuesTheyAreGiven) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict, 2);
  const Queue<int> in;
  const Queue<Queue<int>> out;
  const auto pass_on = [](const Queue<int>& from, const Queue<Queue<int>>& to) {
    const int got = from.get();
    from.put(got + 1);
    to.put(from);
  };
  const Future<void> task = pool.submit(pass_on, in, out);
  in.put(1);
  Future<void>(task).get();
  EXPECT_EQ(out.get().get(), 2);
}

TEST_P(ExecutorSandboxSuite, StrictWorkersRunMapsAndThrow) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict, 2);
  std::vector<int> numbers(5000);
  std::iota(numbers.begin(), numbers.end(), 0);
  long sum = 0;
  for (const int square : pool.map([](int n) { return n % 100 * (n % 100); }, numbers)) {
    sum += square;
  }
  EXPECT_EQ(sum, 50 * 328350L);
  try {
    pool.submit([]() -> int { throw std::out_of_range("no seventh"); }).get();
    FAIL() << "it did not throw";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "no seventh");
  }
}

TEST_P(ExecutorSandboxSuite, StrictWorkersMayRunThreadsAndChildrenAndSignalThemselves) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict);
  EXPECT_EQ(pool.submit([] {
                  int value = 0;
                  std::thread([&] { value = 7; }).join();
                  return value;
                })
                .get(),
            7);
  EXPECT_EQ(pool.submit([] {
                  const pid_t child = ::fork();
                  if (child == 0) ::_exit(5);
                  int status = -1;
                  ::waitpid(child, &status, 0);
                  return WEXITSTATUS(status);
                })
                .get(),
            5);
  try {
    pool.submit([] {
          ::signal(SIGUSR1, SIG_DFL);
          ::raise(SIGUSR1);
        })
        .get();
    FAIL() << "it lives";
  } catch (const WorkerLostError& lost) {
    EXPECT_EQ(lost.signal(), SIGUSR1);
  }
  EXPECT_EQ(pool.submit(has_given_up_privileges).get(), 1);  // its replacement
}

TEST_P(ExecutorSandboxSuite, StrictWorkersUseWhatTheyWereGiven) {
  ProcessPoolExecutor pool = shut_in_pool(Sandbox::strict);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  pool.submit([](const UniqueFd& pipe) { return ::write(pipe.get(), "hi", 2); }, std::move(writer))
      .get();
  std::array<char, 3> text{};
  EXPECT_EQ(::read(reader.get(), text.data(), 2), 2);
  EXPECT_STREQ(text.data(), "hi");
}

TEST_P(ExecutorSandboxSuite, ASandboxThatDoesNotExistIsRefusedByName) {
  try {
    shut_in_pool(static_cast<Sandbox>(9));
    FAIL() << "it was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("PoolOptions::sandbox ")) << error.what();
  }
}

SHOAL_FOR_EACH_START_METHOD(ExecutorSandboxSuite);

}  // namespace
}  // namespace shoal::test
