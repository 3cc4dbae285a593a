// SPDX-License-Identifier: Apache-2.0
// What a task may use: whoever goes beyond it fails alone.

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class ExecutorLimitsSuite : public ExecutorSuite {
 protected:
  static ProcessPoolExecutor limited_pool(const Limits& limits) {
    return ProcessPoolExecutor{
        {.max_workers = 1, .context = get_context(GetParam()), .limits = limits}};
  }
};

int own_pid() { return ::getpid(); }

// Fills fresh memory, and tells how much of it there is.
std::size_t fill(std::size_t bytes) {
  const std::vector<char> memory(bytes, 'x');
  return memory.size();
}

Duration used_cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Computes for so long, by its own clock: a tick of waiting more does not count.
long compute(std::chrono::milliseconds time) {
  const Duration end = used_cpu_time() + time;
  long rounds = 0;
  while (used_cpu_time() < end) ++rounds;
  return rounds;
}
long compute_for_ever() { return compute(24h); }

TEST_P(ExecutorLimitsSuite, AMemoryHungryTaskFailsAloneAndItsWorkerLives) {
  SHOAL_SKIP_IF_SANITIZED();
  ProcessPoolExecutor pool = limited_pool({.memory = 64 << 20});
  const int pid = pool.submit(own_pid).get();
  for (int round = 0; round < 3; ++round) {
    EXPECT_THROW(pool.submit(fill, std::size_t{128} << 20).get(), std::bad_alloc);
    EXPECT_EQ(pool.submit(fill, std::size_t{16} << 20).get(), std::size_t{16} << 20);
  }
  EXPECT_EQ(pool.submit(own_pid).get(), pid);
}

TEST_P(ExecutorLimitsSuite, ATaskThatLeaksFailsWhenItsWorkersMemoryIsUsedUp) {
  SHOAL_SKIP_IF_SANITIZED();
  ProcessPoolExecutor pool = limited_pool({.memory = 32 << 20});
  auto leak = [] {
    static std::vector<std::vector<char>> leaked;
    leaked.emplace_back(8 << 20, 'x');
  };
  int done = 0;
  try {
    for (; done < 5; ++done) pool.submit(leak).get();
    FAIL() << "32 MiB hold 40";
  } catch (const std::bad_alloc&) {
  }
  EXPECT_GE(done, 1);
}

TEST_P(ExecutorLimitsSuite, MemoryThatIsSharedWithTheParentIsNotCounted) {
  SHOAL_SKIP_IF_SANITIZED();
  ProcessPoolExecutor pool = limited_pool({.memory = 24 << 20});
  const std::vector<std::byte> large(64 << 20, std::byte{7});
  auto measure = [](const std::vector<std::byte>& bytes) { return bytes.size(); };
  EXPECT_THROW(pool.submit(measure, large).get(), std::bad_alloc);  // its own copy of the argument
  for (int round = 0; round < 8; ++round) {
    const std::vector<std::byte> some(8 << 20, std::byte{3});
    EXPECT_EQ(pool.submit([](std::vector<std::byte> bytes) { return bytes; }, some).get(), some);
  }
}

TEST_P(ExecutorLimitsSuite, MapsElementThatIsMemoryHungryFailsAlone) {
  SHOAL_SKIP_IF_SANITIZED();
  ProcessPoolExecutor pool = limited_pool({.memory = 64 << 20});
  std::vector<std::size_t> sizes(20, 1000);
  sizes[7] = 256 << 20;
  auto results = pool.map(fill, sizes);
  std::size_t index = 0;
  int failures = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++index) {
    try {
      EXPECT_EQ(*at, 1000U);
    } catch (const std::bad_alloc&) {
      ++failures;
      EXPECT_EQ(index, 7U);
    }
  }
  EXPECT_EQ(failures, 1);
}

TEST_P(ExecutorLimitsSuite, CpuTimeEndsTheWorkerAndTheErrorNamesTheOption) {
  ProcessPoolExecutor pool = limited_pool({.cpu_time = 50ms});
  Future<long> endless = pool.submit(compute_for_ever);
  Future<int> other = pool.submit(own_pid);
  try {
    endless.get();
    FAIL() << "it ended";
  } catch (const WorkerLostError& lost) {
    EXPECT_EQ(lost.signal(), SIGXCPU);
    EXPECT_NE(std::string(lost.what()).find("PoolOptions::limits.cpu_time"), std::string::npos)
        << lost.what();
  }
  EXPECT_GT(other.get(), 0);
}

TEST_P(ExecutorLimitsSuite, CpuTimeIsEachTasksOwn) {
  ProcessPoolExecutor pool = limited_pool({.cpu_time = 200ms});
  const int pid = pool.submit(own_pid).get();
  for (int round = 0; round < 4; ++round) EXPECT_GT(pool.submit(compute, 80ms).get(), 0);
  EXPECT_EQ(pool.submit(own_pid).get(), pid);
}

TEST_P(ExecutorLimitsSuite, CpuTimeIsEachElementsOwn) {
  ProcessPoolExecutor pool = limited_pool({.cpu_time = 200ms});
  int count = 0;
  for (const long rounds : pool.map(compute, std::vector<std::chrono::milliseconds>(5, 80ms))) {
    EXPECT_GT(rounds, 0);
    ++count;
  }
  EXPECT_EQ(count, 5);
  EXPECT_EQ(pool.stats().restarted, 0U);
}

TEST_P(ExecutorLimitsSuite, AnElementBeyondItsCpuTimeIsLostAlone) {
  ProcessPoolExecutor pool = limited_pool({.cpu_time = 60ms});
  std::vector<std::chrono::milliseconds> times(30, 0ms);
  times[20] = 24h;
  auto results = pool.map(compute, times);
  std::size_t index = 0;
  int lost = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++index) {
    try {
      EXPECT_GE(*at, 0);
    } catch (const WorkerLostError& error) {
      ++lost;
      EXPECT_EQ(index, 20U) << error.what();
      EXPECT_EQ(error.signal(), SIGXCPU);
    }
  }
  EXPECT_EQ(lost, 1);
}

TEST_P(ExecutorLimitsSuite, IdlenessAndSleepUseNoCpuTime) {
  ProcessPoolExecutor pool{{.max_workers = 1,
                            .context = get_context(GetParam()),
                            .limits = {.cpu_time = 20ms},
                            .spin = 100ms}};
  const int pid = pool.submit(own_pid).get();
  ::usleep(150'000);  // it polls all the while
  EXPECT_EQ(pool.submit([] {
                  ::usleep(100'000);
                  return ::getpid();
                })
                .get(),
            pid);
}

TEST_P(ExecutorLimitsSuite, FilesBeyondTheLimitAreNotOpened) {
  ProcessPoolExecutor pool = limited_pool({.open_files = 32});
  auto open_many = [] {
    int opened = 0;
    std::array<int, 64> files{};
    for (int& file : files) {
      file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (file >= 0) ++opened;
    }
    const int error = errno;
    for (const int file : files) {
      if (file >= 0) ::close(file);
    }
    return std::pair(opened, error);
  };
  for (int round = 0; round < 2; ++round) {
    const auto [opened, error] = pool.submit(open_many).get();
    EXPECT_LE(opened, 29);
    EXPECT_GE(opened, 8);
    EXPECT_EQ(error, EMFILE);
  }
  // Nor does that keep large results from coming.
  EXPECT_EQ(pool.submit([] { return std::vector<char>(4 << 20, 'x'); }).get().size(), 4U << 20);
}

TEST_P(ExecutorLimitsSuite, FilesBeyondTheirSizeAreNotWrittenAndTheWorkerLives) {
  ProcessPoolExecutor pool = limited_pool({.file_size = 100'000});
  auto write_much = [] {
    std::array<char, 32> name{"/tmp/shoal-limit-XXXXXX"};
    const UniqueFd file(::mkstemp(name.data()));
    ::unlink(name.data());
    const std::string text(60'000, 'x');
    ssize_t sum = 0;
    for (ssize_t wrote = 0; wrote >= 0; sum += wrote < 0 ? 0 : wrote) {
      wrote = ::write(file.get(), text.data(), text.size());
    }
    return std::pair(sum, errno);
  };
  EXPECT_EQ(pool.submit(write_much).get(), std::pair(ssize_t{100'000}, EFBIG));
  // What the worker sends is no file to its user.
  EXPECT_EQ(pool.submit([] { return std::vector<char>(4 << 20, 'x'); }).get().size(), 4U << 20);
  EXPECT_EQ(pool.submit(write_much).get(), std::pair(ssize_t{100'000}, EFBIG));
}

TEST_P(ExecutorLimitsSuite, AReplacementIsLimitedToo) {
  ProcessPoolExecutor pool = limited_pool({.cpu_time = 50ms});
  for (int round = 0; round < 2; ++round) {
    EXPECT_THROW(pool.submit(compute_for_ever).get(), WorkerLostError);
  }
}

TEST_P(ExecutorLimitsSuite, ValuesThatMakeNoSenseAreRefusedByName) {
  const auto complaint = [](const Limits& limits) -> std::string {
    try {
      const ProcessPoolExecutor pool = limited_pool(limits);
      return "none";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  EXPECT_TRUE(complaint({.memory = 4096}).starts_with("PoolOptions::limits.memory "));
  EXPECT_TRUE(complaint({.cpu_time = -1s}).starts_with("PoolOptions::limits.cpu_time "));
  EXPECT_TRUE(complaint({.cpu_time = 0s}).starts_with("PoolOptions::limits.cpu_time "));
  EXPECT_TRUE(complaint({.open_files = 3}).starts_with("PoolOptions::limits.open_files "));
  EXPECT_THROW(limited_pool({.open_files = 2'000'000'000}), StartError);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorLimitsSuite);

}  // namespace
}  // namespace shoal::test
