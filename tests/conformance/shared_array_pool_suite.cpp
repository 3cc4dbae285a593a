// SPDX-License-Identifier: Apache-2.0
// Shared arrays as arguments and results of tasks: what workers keep of them, and for how long.

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/memory_holders.hpp"

namespace shoal::test {
namespace {

using Bytes = SharedArray<std::uint8_t>;

constexpr const char* kName = "shoal-array";
constexpr std::size_t kSize = std::size_t{4} << 20;

std::uint64_t sum(const Bytes& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}
std::uintptr_t address(const Bytes& bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data());
}
long faults_of_sum(const Bytes& bytes) {
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  if (sum(bytes) != bytes.size()) return -1;
  ::getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}
std::size_t count_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
std::size_t count_after(const Bytes& bytes) { return bytes.empty() ? 0 : count_descriptors(); }

// A worker's own handle, beyond the task that it came with.
std::optional<Bytes>& pinned() {
  static std::optional<Bytes> bytes;
  return bytes;
}
void pin(const Bytes& bytes) { pinned() = bytes; }
std::uint64_t unpin() {
  const std::uint64_t total = sum(*pinned());
  pinned().reset();
  return total;
}

class SharedArrayPoolSuite : public ExecutorSuite {};

TEST_P(SharedArrayPoolSuite, IsArgumentAndResult) {
  ProcessPoolExecutor pool = make_pool(2);
  const Bytes bytes(kSize, 1);
  EXPECT_EQ(pool.submit(sum, bytes).get(), kSize);
  const Bytes back = pool.submit(
                             [](const Bytes& same) {
                               same[0] = 100;
                               return same;
                             },
                             bytes)
                         .get();
  EXPECT_EQ(back.data(), bytes.data());
  EXPECT_EQ(bytes[0], 100);
  const Bytes made = pool.submit([] { return Bytes(10, 5); }).get();
  EXPECT_EQ(sum(made), 50u);
}

TEST_P(SharedArrayPoolSuite, GoesBesideOtherHandlesInAnyOrder) {
  ProcessPoolExecutor pool = make_pool(1);
  const Queue<int> queue;
  std::vector<Bytes> many;
  for (std::uint8_t i = 0; i < 7; ++i) many.emplace_back(std::size_t{100}, i);
  const auto task = [](const Bytes& first, const Queue<int>& out, const std::vector<Bytes>& all,
                       const Bytes& last) {
    out.put(static_cast<int>(sum(first)));
    out.put(static_cast<int>(sum(last)));
    std::uint64_t total = 0;
    for (const Bytes& bytes : all) total += sum(bytes);
    return total;
  };
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(pool.submit(task, many[1], queue, many, many[6]).get(), 2'100u);
    EXPECT_EQ(queue.get(), 100);
    EXPECT_EQ(queue.get(), 600);
  }
}

TEST_P(SharedArrayPoolSuite, IsReadInAStrictSandbox) {
  ProcessPoolExecutor pool{
      {.max_workers = 1, .context = get_context(GetParam()), .sandbox = Sandbox::strict}};
  const Bytes bytes(kSize, 1);
  for (int round = 0; round < 3; ++round) EXPECT_EQ(pool.submit(sum, bytes).get(), kSize);
}

TEST_P(SharedArrayPoolSuite, GoesThroughMaps) {
  ProcessPoolExecutor pool = make_pool(2);
  const Bytes bytes(1000, 1);
  const std::vector<std::pair<Bytes, int>> items(200, std::pair(bytes, 2));
  std::uint64_t total = 0;
  const auto twice = [](const std::pair<Bytes, int>& item) {
    return sum(item.first) * static_cast<std::uint64_t>(item.second);
  };
  for (const std::uint64_t result : pool.map(twice, items)) total += result;
  EXPECT_EQ(total, 400'000u);
}

// --- what workers keep --------------------------------------------------------------------------

TEST_P(SharedArrayPoolSuite, AWorkerMapsItOnceForAllItsTasks) {
  ProcessPoolExecutor pool = make_pool(1);
  const Bytes bytes(kSize, 1);
  EXPECT_GT(pool.submit(faults_of_sum, bytes).get(), 0);
  const std::uintptr_t place = pool.submit(address, bytes).get();
  const std::size_t descriptors = pool.submit(count_after, bytes).get();
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(pool.submit(address, bytes).get(), place);
    EXPECT_EQ(pool.submit(count_after, bytes).get(), descriptors);
  }
  // Its pages, too, are where they were: 4 MiB anew would be 64 faults at least.
  EXPECT_LT(pool.submit(faults_of_sum, bytes).get(), 32);
}

TEST_P(SharedArrayPoolSuite, AWorkersMapGoesWithTheLastHandleOfItsParent) {
  ProcessPoolExecutor pool = make_pool(2);
  std::uint64_t inode = 0;
  {
    const Bytes bytes(kSize, 1);
    inode = inode_at(bytes.data());
    for (int round = 0; round < 8; ++round) EXPECT_EQ(pool.submit(sum, bytes).get(), kSize);
    EXPECT_GE(count_holders(kName, inode), 2);
  }
  await_holders(kName, inode, 0);
}

TEST_P(SharedArrayPoolSuite, AWorkersOwnHandleIsAHolder) {
  ProcessPoolExecutor pool = make_pool(1);
  std::uint64_t inode = 0;
  {
    const Bytes bytes(kSize, 1);
    inode = inode_at(bytes.data());
    pool.submit(pin, bytes).get();
  }
  await_holders(kName, inode, 1);
  EXPECT_EQ(pool.submit(unpin).get(), kSize);
  await_holders(kName, inode, 0);
}

TEST_P(SharedArrayPoolSuite, ATaskThatWaitsIsAHolder) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto [near, far] = pipe();
  Future<void> first = pool.submit([](const Connection& line) { line.recv<int>(); }, far);
  auto bytes = std::make_optional<Bytes>(kSize, std::uint8_t{1});
  const std::uint64_t inode = inode_at(bytes->data());
  std::vector<Future<std::uint64_t>> sums;
  for (int i = 0; i < 3; ++i) sums.push_back(pool.submit(sum, *bytes));
  bytes.reset();
  near.send(1);
  for (auto& result : sums) EXPECT_EQ(result.get(), kSize);
  sums.clear();
  await_holders(kName, inode, 0);
  first.get();
}

TEST_P(SharedArrayPoolSuite, ManyTasksWithOneNeedNoDescriptorEach) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto [near, far] = pipe();
  Future<void> first = pool.submit([](const Connection& line) { line.recv<int>(); }, far);
  const Bytes bytes(1, 1);
  const std::size_t before = count_descriptors();
  std::vector<Future<std::uint64_t>> sums;
  for (int i = 0; i < 100'000; ++i) sums.push_back(pool.submit(sum, bytes));
  EXPECT_LT(count_descriptors(), before + 100);
  for (std::size_t i = 1'000; i < sums.size(); ++i) sums[i].cancel();
  near.send(1);
  for (std::size_t i = 0; i < 1'000; ++i) EXPECT_EQ(sums[i].get(), 1u);
  first.get();
}

TEST_P(SharedArrayPoolSuite, MoreThanAWorkerKeepsComeAndGo) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Bytes> arrays;
  for (unsigned i = 0; i < 50; ++i) arrays.emplace_back(100, static_cast<std::uint8_t>(i));
  for (int round = 0; round < 3; ++round) {
    std::vector<Future<std::uint64_t>> sums;
    for (const Bytes& bytes : arrays) sums.push_back(pool.submit(sum, bytes));
    for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums[i].get(), 100 * i);
    arrays.erase(arrays.begin() + 10, arrays.begin() + 20);
    for (unsigned i = 10; i < 20; ++i) {
      arrays.emplace(arrays.begin() + i, std::size_t{100}, static_cast<std::uint8_t>(i));
    }
  }
  std::vector<std::uint64_t> inodes;
  for (const Bytes& bytes : arrays) inodes.push_back(inode_at(bytes.data()));
  arrays.clear();
  for (const std::uint64_t inode : inodes) await_holders(kName, inode, 0);
}

// Some of a task's the worker has, for others it must make room.
TEST_P(SharedArrayPoolSuite, ATaskWithSeveralGetsEachOfThem) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<Bytes> arrays;
  for (unsigned i = 0; i < 50; ++i) arrays.emplace_back(1, static_cast<std::uint8_t>(i));
  const auto first_of = [](const std::vector<Bytes>& some) {
    std::vector<int> values;
    for (const Bytes& bytes : some) values.push_back(bytes[0]);
    return values;
  };
  std::vector<std::vector<int>> wanted;
  std::vector<Future<std::vector<int>>> found;
  for (unsigned task = 0; task < 400; ++task) {
    std::vector<Bytes> some;
    wanted.emplace_back();
    for (unsigned i = 0; i < 1 + task % 6; ++i) {
      const unsigned which = (task * 7 + i * (1 + task % 13)) % 50;
      some.push_back(arrays[which]);
      wanted.back().push_back(static_cast<int>(which));
    }
    found.push_back(pool.submit(first_of, some));
  }
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].get(), wanted[i]) << i;
}

TEST_P(SharedArrayPoolSuite, AFreshArrayForEachTaskIsFreed) {
  ProcessPoolExecutor pool = make_pool(1);
  std::uint64_t inode = 0;
  for (unsigned i = 1; i <= 300; ++i) {
    const Bytes bytes(i, 1);
    inode = inode_at(bytes.data());
    ASSERT_EQ(pool.submit(sum, bytes).get(), i);
  }
  await_holders(kName, inode, 0);
}

TEST_P(SharedArrayPoolSuite, AWorkersSuccessorGetsItAnew) {
  ProcessPoolExecutor pool = make_pool(1);
  const Bytes bytes(kSize, 1);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(pool.submit(sum, bytes).get(), kSize);
    EXPECT_THROW(pool.submit(
                         [](const Bytes& same) {
                           same[0] = 1;
                           ::kill(::getpid(), SIGKILL);
                         },
                         bytes)
                     .get(),
                 WorkerLostError);
  }
  EXPECT_EQ(pool.submit(sum, bytes).get(), kSize);
}

TEST_P(SharedArrayPoolSuite, AKilledWorkerIsNoHolder) {
  ProcessPoolExecutor pool = make_pool(1);
  std::uint64_t inode = 0;
  {
    const Bytes bytes(kSize, 1);
    inode = inode_at(bytes.data());
    pool.submit(pin, bytes).get();
  }
  pool.kill_workers();
  await_holders(kName, inode, 0);
}

TEST_P(SharedArrayPoolSuite, AWorkerHandsItOnToItsOwnPool) {
  ProcessPoolExecutor pool = make_pool(1);
  const Bytes bytes(kSize, 1);
  const auto pass_on = [](const Bytes& same) {
    ProcessPoolExecutor inner{{.max_workers = 1, .context = get_context(StartMethod::spawn)}};
    const std::uint64_t first = inner.submit(sum, same).get();
    return first + inner.submit(sum, same).get();
  };
  EXPECT_EQ(pool.submit(pass_on, bytes).get(), 2 * kSize);
}

SHOAL_FOR_EACH_START_METHOD(SharedArrayPoolSuite);

}  // namespace
}  // namespace shoal::test
