// SPDX-License-Identifier: Apache-2.0
// How each element of a map is run, and how far the map has come.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "conformance/faces_suite.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class MapTaskSuite : public ExecutorSuite {};

std::vector<int> iota(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}
int hang_at_three(int n) {
  while (n == 3) ::pause();
  return n;
}
unsigned die_once_at_three(int n) {
  if (n == 3 && this_task::attempt() == 1) ::kill(::getpid(), SIGKILL);
  return this_task::attempt();
}
void say(const Connection& line, int word) { line.send(word); }

TEST_P(MapTaskSuite, AnElementsTimeoutIsTheMapsOwn) {
  ProcessPoolExecutor pool = make_pool(2);
  auto results = pool.map({.task = {.timeout = 200ms}}, hang_at_three, iota(8));
  auto at = results.begin();
  for (int n = 0; n < 8; ++n, ++at) {
    if (n == 3) {
      EXPECT_THROW(*at, TaskTimeoutError);
    } else {
      EXPECT_EQ(*at, n);
    }
  }
}

TEST_P(MapTaskSuite, AnElementThatIsSafeIsRunAgain) {
  ProcessPoolExecutor pool = make_pool(2);
  const MapOptions options{.chunksize = 4, .task = {.retries = 1, .backoff = 50ms}};
  const auto start = std::chrono::steady_clock::now();
  int n = 0;
  for (const unsigned attempt : pool.map(options, die_once_at_three, iota(8))) {
    EXPECT_EQ(attempt, n == 3 ? 2U : 1U) << n;
    ++n;
  }
  EXPECT_EQ(n, 8);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  EXPECT_EQ(pool.stats().lost, 0U);
}

TEST_P(MapTaskSuite, AnUrgentMapStartsFirst) {
  ProcessPoolExecutor pool = make_pool(1);
  auto [reader, writer] = pipe(Duplex::no);
  Occupied worker(pool);
  Future<void> patient = pool.submit(say, writer, 1);
  auto urgent = pool.map({.task = {.priority = 5}}, say, std::vector<Connection>(2, writer),
                         std::vector<int>{2, 3});
  worker.release();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) order.push_back(reader.recv<int>());
  EXPECT_EQ(order, (std::vector<int>{2, 3, 1}));
}

TEST_P(MapTaskSuite, AnExpiredMapNeverRuns) {
  ProcessPoolExecutor pool = make_pool(1);
  Occupied worker(pool);
  auto results = pool.map({.task = {.expires = 20ms}}, square, iota(2));
  auto at = results.begin();
  EXPECT_THROW(*at, TaskTimeoutError);
  ++at;
  EXPECT_THROW(*at, TaskTimeoutError);
  worker.release();
}

// A test's own stderr is no terminal: the bar is a line.
TEST_P(MapTaskSuite, ItsProgressIsOnStderr) {
  ProcessPoolExecutor pool = make_pool(2);
  const auto shown = [&](const MapOptions& options) {
    testing::internal::CaptureStderr();
    for (const int value : pool.map(options, square, iota(50))) EXPECT_GE(value, 0);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(shown({}), "");
  const std::string plain = shown({.progress = "plain"});
  EXPECT_NE(plain.find("plain: 50/50 (100%)"), std::string::npos) << plain;
  const std::string timed = shown({.timeout = 1h, .progress = "timed"});
  EXPECT_NE(timed.find("timed: 50/50 (100%)"), std::string::npos) << timed;
  const std::string buffered = shown({.buffersize = 4, .progress = "buffered"});
  EXPECT_NE(buffered.find("buffered: 50"), std::string::npos) << buffered;
}

SHOAL_FOR_EACH_START_METHOD(MapTaskSuite);

}  // namespace
}  // namespace shoal::test
