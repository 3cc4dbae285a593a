// SPDX-License-Identifier: Apache-2.0
// Maps travel in chunks; yet each element is a task of its own.

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <list>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

int twice(int n) { return 2 * n; }
int fail_every_seventh(int n) {
  if (n % 7 == 0) throw std::invalid_argument("no " + std::to_string(n));
  return n;
}
int die_at_five_hundred(int n) {
  if (n == 500) ::raise(SIGKILL);
  return n;
}
int die_every_thousandth(int n) {
  if (n % 1000 == 999) ::raise(SIGKILL);
  return n;
}
int sleep_at_zero(int n) {
  if (n == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return n;
}
std::string spell(const std::string& word, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += word;
  return result;
}
UniqueFd duplicate_of(const UniqueFd& fd) { return UniqueFd(::dup(fd.get())); }
void do_nothing(int) {}
int add(int a, int b) { return a + b; }

std::vector<int> iota(int count, int first = 0) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

}  // namespace

// A value of which some cannot be read back, and that only half-way.
struct Odd {
  int number = 0;
};

}  // namespace shoal::test

template <>
struct shoal::Codec<shoal::test::Odd> {
  static void encode(Writer& writer, const test::Odd& value) {
    writer.put(value.number % 100 == 7);
    writer.put(value.number);
  }
  static test::Odd decode(Reader& reader) {
    if (reader.get<bool>()) throw CodecError("an odd value");
    return {reader.get<int>()};
  }
};

namespace shoal::test {
namespace {

Odd make_odd(int n) { return {n}; }

int who_runs_slowly(int n) {
  if (n >= 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
  return ::getpid();
}
int always_fail(int n) { throw std::runtime_error(std::to_string(n)); }

class ExecutorChunkSuite : public ExecutorSuite {};

TEST_P(ExecutorChunkSuite, AResultThatCannotBeReadSpoilsNoOther) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map(make_odd, iota(1'000));
  int n = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++n) {
    if (n % 100 == 7) {
      EXPECT_THROW(*at, CodecError);
    } else {
      ASSERT_EQ((*at).number, n);
    }
  }
  EXPECT_EQ(n, 1'000);
}

TEST_P(ExecutorChunkSuite, ElementsThatTurnOutLongAreSharedOut) {
  ProcessPoolExecutor pool = make_pool(2);
  for ([[maybe_unused]] const int pid : pool.map(who_runs_slowly, std::vector<int>(20'000, -1))) {
    // Fast so far: they go many at a time.
  }
  std::set<int> pids;
  for (const int pid : pool.map(who_runs_slowly, iota(100))) pids.insert(pid);
  EXPECT_EQ(pids.size(), 2U);
}

TEST_P(ExecutorChunkSuite, ALongMapCanBeDroppedInAForkedCopy) {
  ProcessPoolExecutor pool = make_pool(2);
  std::optional<MapResult<int>> results = pool.map(always_fail, iota(100'000));
  pool.shutdown();  // a part for each element by now
  const pid_t child = ::fork();
  if (child == 0) {
    results.reset();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_P(ExecutorChunkSuite, AMillionElementsComeBackInTheirOrder) {
  ProcessPoolExecutor pool = make_pool(2);
  int expected = 0;
  for (const int value : pool.map(twice, iota(1'000'000))) {
    ASSERT_EQ(value, 2 * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 1'000'000);
  EXPECT_EQ(pool.stats().completed, 1'000'000U);
}

TEST_P(ExecutorChunkSuite, ElementsThatThrowFailAlone) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map(fail_every_seventh, iota(10'000));
  int n = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++n) {
    if (n % 7 != 0) {
      ASSERT_EQ(*at, n);
      continue;
    }
    try {
      static_cast<void>(*at);
      FAIL() << n << " gave a value";
    } catch (const std::invalid_argument& error) {
      ASSERT_EQ(error.what(), "no " + std::to_string(n));
    }
  }
  EXPECT_EQ(n, 10'000);
}

TEST_P(ExecutorChunkSuite, ADeathLosesOneElement) {
  ProcessPoolExecutor pool = make_pool(2);
  for (const int value : pool.map(die_at_five_hundred, iota(400))) ASSERT_LT(value, 400);  // fast
  auto results = pool.map(die_at_five_hundred, iota(1'000));
  int n = 0;
  int lost = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++n) {
    try {
      ASSERT_EQ(*at, n);
    } catch (const WorkerLostError& error) {
      EXPECT_EQ(n, 500);
      EXPECT_EQ(error.signal(), SIGKILL);
      ++lost;
    }
  }
  EXPECT_EQ(n, 1'000);
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(pool.stats().lost, 1U);
}

TEST_P(ExecutorChunkSuite, ManyDeathsLoseOneElementEach) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map(die_every_thousandth, iota(20'000));
  int n = 0;
  int lost = 0;
  for (auto at = results.begin(); at != results.end(); ++at, ++n) {
    try {
      ASSERT_EQ(*at, n);
    } catch (const WorkerLostError&) {
      EXPECT_EQ(n % 1000, 999);
      ++lost;
    }
  }
  EXPECT_EQ(n, 20'000);
  EXPECT_EQ(lost, 20);
}

TEST_P(ExecutorChunkSuite, ElementsMayDifferInSize) {
  ProcessPoolExecutor pool = make_pool(2);
  const std::vector<std::string> words{"a", "", "shoal", std::string(100'000, 'x')};
  std::vector<std::string> many;
  std::vector<int> times;
  for (int i = 0; i < 400; ++i) {
    many.push_back(words[static_cast<std::size_t>(i) % words.size()]);
    times.push_back(i % 3);
  }
  std::size_t i = 0;
  for (const std::string& result : pool.map(spell, many, times)) {
    ASSERT_EQ(result, spell(many[i], times[i])) << i;
    ++i;
  }
  EXPECT_EQ(i, 400U);
}

TEST_P(ExecutorChunkSuite, ResultsMayBeMuchLargerThanTheRoomForThem) {
  ProcessPoolExecutor pool = make_pool(2);
  const std::string word(50'000, 'w');
  const std::list<std::string> words(50, word);
  const std::vector<int> times(50, 3);
  int n = 0;
  for (const std::string& result : pool.map(spell, words, times)) {
    ASSERT_EQ(result.size(), 150'000U);
    ++n;
  }
  EXPECT_EQ(n, 50);
}

TEST_P(ExecutorChunkSuite, ElementsMayCarryDescriptors) {
  make_pool(1).shutdown();  // what a process keeps for all its pools is there from now on
  const LeakGuard guard;
  {
    ProcessPoolExecutor pool = make_pool(2);
    std::vector<UniqueFd> descriptors;
    for (int i = 0; i < 20; ++i) descriptors.emplace_back(::dup(2));
    int n = 0;
    for (const UniqueFd& result : pool.map(duplicate_of, std::move(descriptors))) {
      EXPECT_TRUE(result);
      ++n;
    }
    EXPECT_EQ(n, 20);
  }
}

TEST_P(ExecutorChunkSuite, AFunctionMayReturnNothing) {
  ProcessPoolExecutor pool = make_pool(2);
  int n = 0;
  for ([[maybe_unused]] const std::monostate nothing : pool.map(do_nothing, iota(10'000))) ++n;
  EXPECT_EQ(n, 10'000);
}

TEST_P(ExecutorChunkSuite, BoundValuesGoWithEachElement) {
  ProcessPoolExecutor pool = make_pool(2);
  int n = 0;
  for (const int sum : pool.map(shoal::bind(add, 1000), iota(5'000))) {
    ASSERT_EQ(sum, 1000 + n);
    ++n;
  }
  EXPECT_EQ(n, 5'000);
}

TEST_P(ExecutorChunkSuite, ElementsCanBePassedOverUnread) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map(fail_every_seventh, iota(1'000));
  auto at = results.begin();
  for (int i = 0; i < 500; ++i) ++at;
  EXPECT_EQ(*at, 500);
  EXPECT_EQ(*at, 500);  // and read twice
  EXPECT_EQ(results.size(), 500U);
}

TEST_P(ExecutorChunkSuite, ADroppedMapIsNotRunToItsEnd) {
  ProcessPoolExecutor pool = make_pool(1);
  { auto results = pool.map(sleep_at_zero, iota(1'000'000)); }
  pool.shutdown();
  EXPECT_LT(pool.stats().completed, 1'000'000U);
}

TEST_P(ExecutorChunkSuite, MapsAndTasksShareAPool) {
  ProcessPoolExecutor pool = make_pool(2);
  auto first = pool.map(twice, iota(50'000));
  auto second = pool.map(fail_every_seventh, iota(6, 1));
  Future<int> between = pool.submit(add, 1, 2);
  EXPECT_EQ(between.get(), 3);
  int n = 1;
  for (const int value : second) EXPECT_EQ(value, n++);
  long sum = 0;
  for (const int value : first) sum += value;
  EXPECT_EQ(sum, 50'000L * 49'999L);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorChunkSuite);

}  // namespace
}  // namespace shoal::test
