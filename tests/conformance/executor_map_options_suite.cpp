// SPDX-License-Identifier: Apache-2.0
// Maps with options.

#include <unistd.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/faces_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class MapOptionsSuite : public ExecutorSuite {};

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}
int add(int a, int b) { return a + b; }
std::string spell(int n) { return std::to_string(n); }
int fail_at_three(int n) {
  if (n == 3) throw std::out_of_range("three");
  return n;
}
int wait_if_line(std::optional<Connection> line) { return line ? line->recv<int>() : 0; }
std::string echo(const std::string& text) { return text; }

// Counts how far it is read, and may throw on the way.
class Counting {
 public:
  class Iterator {
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int operator*() const {
      if (*count_ == bad_) throw std::logic_error("the input fails");
      return (*count_)++;
    }
    Iterator& operator++() { return *this; }
    void operator++(int) {}
    friend bool operator==(const Iterator& at, std::default_sentinel_t) {
      return *at.count_ == at.size_;
    }

   private:
    friend class Counting;
    Iterator(int* count, int size, int bad) : count_(count), size_(size), bad_(bad) {}
    int* count_;
    int size_;
    int bad_;
  };

  explicit Counting(int size, int bad = -1) : size_(size), bad_(bad) {}
  Iterator begin() { return Iterator(count_.get(), size_, bad_); }
  std::default_sentinel_t end() const { return {}; }
  int count() const { return *count_; }

 private:
  std::shared_ptr<int> count_ = std::make_shared<int>(0);
  int size_;
  int bad_;
};

TEST_P(MapOptionsSuite, TwoIterablesInChunks_164) {
  ProcessPoolExecutor pool = make_pool(2);
  for (const std::size_t chunksize : {1U, 3U, 6U, 40U, 50U}) {
    int n = 0;
    for (const int sum : pool.map({.chunksize = chunksize}, add, iota(40), iota(50))) {
      EXPECT_EQ(sum, 2 * n);
      ++n;
    }
    EXPECT_EQ(n, 40);
  }
}

TEST_P(MapOptionsSuite, AChunkIsRunByOneWorker) {
  ProcessPoolExecutor pool = make_pool(2);
  std::vector<int> pids;
  for (const int pid : pool.map(
           {.chunksize = 5}, [](int) { return ::getpid(); }, iota(50))) {
    pids.push_back(pid);
  }
  ASSERT_EQ(pids.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(pids[i], pids[i - i % 5]);
}

TEST_P(MapOptionsSuite, AnElementThatThrowsEndsNoChunk_165) {
  ProcessPoolExecutor pool = make_pool(1);
  auto results = pool.map({.chunksize = 4}, fail_at_three, iota(8));
  auto at = results.begin();
  for (int n = 0; n < 8; ++n, ++at) {
    if (n == 3) {
      EXPECT_THROW(*at, std::out_of_range);
    } else {
      EXPECT_EQ(*at, n);
    }
  }
  EXPECT_TRUE(at == results.end());
}

TEST_P(MapOptionsSuite, ATimeoutLimitsTheWaitAndStopsNothing_166) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  std::vector<std::optional<Connection>> lines(4);
  lines[2] = there;
  const auto start = std::chrono::steady_clock::now();
  auto results = pool.map({.timeout = 300ms}, wait_if_line, lines);
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  EXPECT_EQ(*++at, 0);
  ++at;
  EXPECT_THROW(*at, TimeoutError);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 300ms);
  EXPECT_THROW(*at, TimeoutError);
  here.send(7);
  while (pool.stats().completed < 4) std::this_thread::yield();
  EXPECT_EQ(*at, 7);  // what has come is given
  EXPECT_EQ(*++at, 0);
}

TEST_P(MapOptionsSuite, ElementsThatAreLateCanBePassed) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [here, there] = pipe();
  std::vector<std::optional<Connection>> lines(3);
  lines[0] = there;
  auto results = pool.map({.timeout = 1ms}, wait_if_line, lines);
  auto at = results.begin();
  EXPECT_THROW(*at, TimeoutError);
  ++at;
  EXPECT_THROW(*at, TimeoutError);
  EXPECT_EQ(results.size(), 2U);
  here.send(7);
  while (pool.stats().completed < 3) std::this_thread::yield();
  EXPECT_EQ(*at, 0);
  EXPECT_EQ(*++at, 0);
  EXPECT_TRUE(++at == results.end());

  auto late = pool.map({.timeout = 1ms}, wait_if_line, lines);
  int count = 0;
  for (auto it = late.begin(); it != late.end(); ++it) ++count;
  EXPECT_EQ(count, 3);
  here.send(1);
}

TEST_P(MapOptionsSuite, ABufferReadsThatFarAhead) {
  ProcessPoolExecutor pool = make_pool(2);
  Counting input(100);
  auto results = pool.map({.buffersize = 4}, square, input);
  EXPECT_EQ(input.count(), 4);
  int n = 0;
  for (const int value : results) {
    EXPECT_EQ(value, n * n);
    ++n;
    EXPECT_EQ(input.count(), std::min(n + 4, 100));
  }
  EXPECT_EQ(n, 100);
}

TEST_P(MapOptionsSuite, ABufferedElementMayBePassedUnread) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map({.buffersize = 3}, square, Counting(100));
  auto at = results.begin();
  int n = 0;
  for (; at != results.end(); ++at, ++n) {
    if (n % 10 != 0) continue;
    EXPECT_EQ(*at, n * n);
  }
  EXPECT_EQ(n, 100);
}

TEST_P(MapOptionsSuite, TheInputMayHaveNoEnd) {
  ProcessPoolExecutor pool = make_pool(2);
  int n = 0;
  for (const std::string& text : pool.map({.buffersize = 100}, spell, std::views::iota(0))) {
    ASSERT_EQ(text, std::to_string(n));
    if (++n == 5'000) break;
  }
}

TEST_P(MapOptionsSuite, RvaluesAreOwnedAndStreamsRead) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map({.buffersize = 2}, add, iota(1'000), std::vector<int>(900, 5));
  int n = 0;
  for (const int sum : results) {
    ASSERT_EQ(sum, n + 5);
    ++n;
  }
  EXPECT_EQ(n, 900);
  std::istringstream words("all the words there are");
  std::string text;
  for (const std::string& word :
       pool.map({.buffersize = 1}, echo, std::ranges::istream_view<std::string>(words))) {
    text += word + ' ';
  }
  EXPECT_EQ(text, "all the words there are ");
}

TEST_P(MapOptionsSuite, AnInputThatThrowsDoesSoInItsPlace) {
  ProcessPoolExecutor pool = make_pool(2);
  for (const int bad : {0, 3, 50}) {
    auto results = pool.map({.buffersize = 10}, square, Counting(100, bad));
    auto at = results.begin();
    for (int n = 0; n < bad; ++n, ++at) EXPECT_EQ(*at, n * n);
    ASSERT_FALSE(at == results.end());
    EXPECT_THROW(*at, std::logic_error);
    EXPECT_TRUE(++at == results.end());
  }
}

TEST_P(MapOptionsSuite, ABufferedMapOfNothingIsNothing) {
  ProcessPoolExecutor pool = make_pool(1);
  auto results = pool.map({.buffersize = 10}, square, std::vector<int>());
  EXPECT_TRUE(results.begin() == results.end());
}

TEST_P(MapOptionsSuite, AClosedPoolReadsNoFurther) {
  ProcessPoolExecutor pool = make_pool(1);
  auto results = pool.map({.buffersize = 2}, square, std::views::iota(0));
  pool.shutdown();
  EXPECT_THROW(pool.map({.buffersize = 2}, square, iota(3)), PoolClosedError);
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  EXPECT_EQ(*++at, 1);
  ++at;
  EXPECT_THROW(*at, PoolClosedError);
  EXPECT_TRUE(++at == results.end());
}

TEST_P(MapOptionsSuite, DroppingABufferedMapCancelsIt) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  { auto results = pool.map({.buffersize = 1'000}, square, iota(5'000)); }
  EXPECT_EQ(pool.stats().queued, 0U);
  worker.release();
}

TEST_P(MapOptionsSuite, OptionsMayBeNamed) {
  ProcessPoolExecutor pool = make_pool(1);
  const MapOptions options{.chunksize = 2, .timeout = 60s, .buffersize = 5};
  int sum = 0;
  for (const int value : pool.map(options, square, iota(10))) sum += value;
  EXPECT_EQ(sum, 285);
}

SHOAL_FOR_EACH_START_METHOD(MapOptionsSuite);

}  // namespace
}  // namespace shoal::test
