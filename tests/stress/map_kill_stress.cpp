// SPDX-License-Identifier: Apache-2.0
// Kills workers at any moment while maps run in chunks: each death costs one element at most, and
// every other one has its value, in its place.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <shoal/shoal.hpp>
#include <string>
#include <thread>
#include <vector>

#include "conformance/start_methods.hpp"

namespace shoal::test {
namespace {

struct Answer {
  std::uint64_t value;
  int pid;
  std::string padding;  // so that results outgrow their room, too
};

std::uint64_t mix(std::uint64_t n) { return (n ^ (n >> 31)) * 0x9e3779b97f4a7c15; }

Answer answer(std::uint64_t n) {
  return {mix(n), ::getpid(), std::string(n % 997 == 0 ? 20'000 : n % 13, 'p')};
}

class MapKillStress : public testing::TestWithParam<StartMethod> {};

TEST_P(MapKillStress, ADeathCostsOneElementAtMost) {
  constexpr std::size_t kElements = 5'000;
  constexpr std::uint64_t kDeaths = 300;
  ProcessPoolExecutor pool{{.max_workers = 2, .context = get_context(GetParam())}};
  std::atomic<int> victim{0};
  std::atomic<bool> is_over{false};
  std::thread killer([&] {
    std::mt19937_64 random(44);
    while (!is_over) {
      const int pid = victim.exchange(0);
      if (pid != 0) ::kill(pid, SIGKILL);
      ::usleep(static_cast<useconds_t>(random() % 3000));
    }
  });

  std::uint64_t values = 0;
  std::uint64_t lost = 0;
  std::uint64_t wrong = 0;
  for (std::uint64_t first = 0; pool.stats().restarted < kDeaths; first += kElements) {
    std::vector<std::uint64_t> numbers(kElements);
    std::iota(numbers.begin(), numbers.end(), first);
    auto results = pool.map(answer, numbers);
    std::uint64_t n = first;
    for (auto at = results.begin(); at != results.end(); ++at, ++n) {
      try {
        const Answer got = *at;
        ++values;
        victim.store(got.pid);
        if (got.value != mix(n) || got.padding != answer(n).padding) ++wrong;
      } catch (const WorkerLostError&) {
        ++lost;
      }
    }
    ASSERT_EQ(n, first + kElements);
  }
  is_over = true;
  killer.join();

  const std::uint64_t deaths = pool.stats().restarted;
  std::printf("%llu elements, %llu worker deaths: %llu values, %llu lost, %llu wrong\n",
              static_cast<unsigned long long>(values + lost),
              static_cast<unsigned long long>(deaths), static_cast<unsigned long long>(values),
              static_cast<unsigned long long>(lost), static_cast<unsigned long long>(wrong));
  EXPECT_EQ(wrong, 0U);
  EXPECT_LE(lost, deaths + 2);  // the last ones may not have been replaced yet
  EXPECT_GT(lost, 0U);
}

SHOAL_FOR_EACH_START_METHOD(MapKillStress);

}  // namespace
}  // namespace shoal::test
