// SPDX-License-Identifier: Apache-2.0
// Workers turn against their pool while good tasks pass through it: the parent is unharmed, every
// good task has its result, and each hostile worker is ended and replaced.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <numeric>
#include <random>
#include <shoal/shoal.hpp>
#include <string>
#include <utility>
#include <vector>

#include "conformance/start_methods.hpp"
#include "stress/attacks.hpp"

namespace shoal::test {
namespace {

std::uint64_t mix(std::uint64_t n) { return (n ^ (n >> 31)) * 0x9e3779b97f4a7c15; }

struct Answer {
  std::uint64_t value;
  std::string padding;
};

// Arguments and results of every size, and so in every place.
std::string padding_of(std::uint64_t number) {
  if (number % 5'000 == 0) return std::string(300'000, 's');
  if (number % 1'000 == 0) return std::string(40'000, 'f');
  return std::string(number % 100 == 0 ? mix(number) % 6'000 : 0, 'r');
}

Answer good(std::uint64_t number, const std::string& padding) { return {mix(number), padding}; }

// 100 000 in all, over the three start methods.
constexpr std::uint64_t kGoodTasks = 33'334;
constexpr std::uint64_t kAttacksOfEach = 4;
constexpr std::uint64_t kSpacing = kGoodTasks / (kAttacks * kAttacksOfEach);

struct Totals {
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  std::uint64_t lost = 0;      // good ones
  std::uint64_t repelled = 0;  // hostile ones
  std::uint64_t ended_for_it = 0;
};

class HostileWorkerStress : public testing::TestWithParam<StartMethod> {
 protected:
  struct Good {
    std::uint64_t number;
    Future<Answer> future;
  };

  void settle(Good& task) {
    try {
      const Answer answer = task.future.get();
      const bool is_right =
          answer.value == mix(task.number) && answer.padding == padding_of(task.number);
      ++(is_right ? totals.right : totals.wrong);
    } catch (const WorkerLostError& lost) {
      ++totals.lost;
      ADD_FAILURE() << "a good task: " << lost.what();
    }
  }
  void settle(Future<int>& hostile) {
    try {
      ADD_FAILURE() << "an attack has returned " << hostile.get();
    } catch (const WorkerLostError& lost) {
      ++totals.repelled;
      const std::string what = lost.what();
      totals.ended_for_it += what.find("breaking the protocol") != what.npos ? 1 : 0;
      EXPECT_NE(lost.exit_status(), kBreached) << what;
    }
  }

  Totals totals;
};

TEST_P(HostileWorkerStress, HarmsNobodyElse) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const UniqueFd loot(::memfd_create("loot", MFD_CLOEXEC));
  ProcessPoolExecutor pool{{.max_workers = 3, .context = get_context(GetParam())}};
  std::deque<Good> window;
  std::vector<Future<int>> hostile;
  for (std::uint64_t number = 0; number < kGoodTasks; ++number) {
    if (number % kSpacing == 0 && hostile.size() < kAttacks * kAttacksOfEach) {
      const auto how = static_cast<Attack>(hostile.size() % kAttacks);
      hostile.push_back(pool.submit(attack, how, random(), loot.duplicate()));
    }
    window.push_back({number, pool.submit(good, number, padding_of(number))});
    if (window.size() < 64) continue;
    settle(window.front());
    window.pop_front();
  }
  for (Good& task : window) settle(task);
  for (Future<int>& task : hostile) settle(task);

  std::printf(
      "%llu good tasks: %llu right, %llu wrong, %llu lost; %llu attacks, %llu ended for "
      "breaking the protocol; %llu workers replaced\n",
      static_cast<unsigned long long>(kGoodTasks), static_cast<unsigned long long>(totals.right),
      static_cast<unsigned long long>(totals.wrong), static_cast<unsigned long long>(totals.lost),
      static_cast<unsigned long long>(hostile.size()),
      static_cast<unsigned long long>(totals.ended_for_it),
      static_cast<unsigned long long>(pool.stats().restarted));
  EXPECT_EQ(totals.right, kGoodTasks);
  EXPECT_EQ(totals.repelled, hostile.size());
  EXPECT_GT(totals.ended_for_it, 0U);
  EXPECT_GE(pool.stats().restarted, hostile.size());
  EXPECT_EQ(pool.submit(good, 7U, "").get().value, mix(7));  // the pool goes on
}

std::uint64_t mixed(std::uint64_t number) { return mix(number); }

TEST_P(HostileWorkerStress, HarmsNoElementOfAMap) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const UniqueFd loot(::memfd_create("loot", MFD_CLOEXEC));
  ProcessPoolExecutor pool{{.max_workers = 3, .context = get_context(GetParam())}};
  std::vector<std::uint64_t> numbers(5'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  for (int how = 0; how < kAttacks; ++how) {
    Future<int> hostile = pool.submit(attack, static_cast<Attack>(how), random(), loot.duplicate());
    std::uint64_t next = 0;
    for (const std::uint64_t value : pool.map(mixed, numbers)) {
      if (value == mix(next++)) ++totals.right;
    }
    settle(hostile);
  }
  EXPECT_EQ(totals.right, numbers.size() * kAttacks);
  EXPECT_EQ(totals.repelled, static_cast<std::uint64_t>(kAttacks));
}

char read_one(const UniqueFd& pipe) {
  char byte = 0;
  return ::read(pipe.get(), &byte, 1) == 1 ? byte : '?';
}

// It has nothing to do, and would keep whoever waits from sleeping.
TEST_P(HostileWorkerStress, AnIdleWorkerThatSaysItHasAResultIsEnded) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd mouth(ends[0]);
  const UniqueFd ear(ends[1]);
  const auto on_event = [&](const WorkerEvent& event) {
    if (event.kind != WorkerEvent::Kind::lost) return;
    EXPECT_EQ(::write(ear.get(), "!", 1), 1);
  };
  ProcessPoolExecutor pool{
      {.max_workers = 2, .context = get_context(GetParam()), .on_worker_event = on_event}};
  Future<char> waiting = pool.submit(read_one, std::move(mouth));
  EXPECT_EQ(pool.submit(answer_unasked).get(), 0);
  EXPECT_EQ(waiting.get(), '!');  // the other worker was not asked for anything meanwhile
}

// What a worker may do to bytes that were checked, or are being decoded: the result is wrong, or
// there is none; the parent reads nothing beside it.
TEST_P(HostileWorkerStress, FlippedBytesAreAnotherValueOrAnError) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  ProcessPoolExecutor pool{{.max_workers = 2, .context = get_context(GetParam())}};
  std::uint64_t values = 0;
  std::uint64_t errors = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::size_t bytes = std::array{200, 10'000, 100'000, 400'000}[i % 4];
    Future<std::vector<std::string>> texts = pool.submit(reply_and_flip, bytes, seed + i);
    Future<std::vector<std::uint64_t>> numbers =
        pool.submit(reply_numbers_and_flip, bytes, seed + i);
    for (int reads = 0; reads < 3; ++reads) {
      try {
        EXPECT_LE(texts.get().size(), 2 * bytes);
        ++values;
      } catch (const Error&) {
        ++errors;
      }
      try {
        EXPECT_LE(numbers.get().size(), 2 * bytes);
        ++values;
      } catch (const Error&) {
        ++errors;
      }
    }
  }
  std::printf("%llu values, %llu errors\n", static_cast<unsigned long long>(values),
              static_cast<unsigned long long>(errors));
  EXPECT_GT(values, 0U);
}

SHOAL_FOR_EACH_START_METHOD(HostileWorkerStress);

}  // namespace
}  // namespace shoal::test
