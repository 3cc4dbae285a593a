// SPDX-License-Identifier: Apache-2.0
// What others see of a pool: its timeline, its percentiles, and its numbers in shared memory.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "conformance/running_program.hpp"
#include "support/leak_guard.hpp"
#include "support/tiny_json.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

int square(int n) { return n * n; }
int fail(int) { throw std::runtime_error("no"); }
int wait_for_word(Connection started, Connection line) {
  started.send(true);
  return line.recv<int>();
}
// Runs for so long by the clock.
int work(int microseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) continue;
  return microseconds;
}

class ExecutorTraceSuite : public ExecutorSuite {
 protected:
  ~ExecutorTraceSuite() override { ::unlink(path.c_str()); }

  Json read(const std::string& file, const char* end = "") const {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return JsonParser::parse(out.str() + end);
  }
  std::vector<Json> runs() const {
    std::vector<Json> found;
    for (const Json& event : read(path).elements) {
      if (event["ph"].text == "X") found.push_back(event);
    }
    return found;
  }

  const std::string path =
      testing::TempDir() + "shoal-timeline-" + std::to_string(::getpid()) + ".json";
};

class ExecutorMetricsSuite : public ExecutorSuite {};

class ExecutorProgressSuite : public ExecutorSuite {
 protected:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, CloseFile>;

  static File make_file() { return File(std::tmpfile()); }
  static std::string text_of(const File& file) {
    std::string text(4096, '\0');
    std::rewind(file.get());
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    return text;
  }
};

TEST_P(ExecutorTraceSuite, EveryTaskIsThereOnceAndNoTwoOfAWorkerOverlap) {
  constexpr int kTasks = 400;
  {
    ProcessPoolExecutor pool = make_pool(2);
    pool.trace(path);
    std::vector<Future<int>> futures;
    for (int n = 0; n < kTasks; ++n) futures.push_back(pool.submit(work, n % 7 == 0 ? 300 : 1));
  }
  std::set<std::string> tickets;
  std::map<std::string, std::vector<std::pair<double, double>>> rows;
  for (const Json& run : runs()) {
    tickets.insert(run["args"]["ticket"].text);
    rows[run["pid"].text].emplace_back(run["ts"].number(), run["dur"].number());
    EXPECT_EQ(run["args"]["outcome"].text, "value");
    EXPECT_GE(run["args"]["waited_us"].number(), 0);
    EXPECT_NE(run["name"].text.find("work"), std::string::npos);
  }
  EXPECT_EQ(tickets.size(), std::size_t{kTasks});
  EXPECT_EQ(runs().size(), std::size_t{kTasks});
  constexpr double kRounding = 0.002;
  for (auto& [pid, times] : rows) {
    std::ranges::sort(times);
    for (std::size_t i = 1; i < times.size(); ++i) {
      EXPECT_LE(times[i - 1].first + times[i - 1].second, times[i].first + kRounding);
    }
  }
}

TEST_P(ExecutorTraceSuite, ARunTakesAsLongInItAsItTook) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.trace(path);
  pool.submit(work, 20'000).get();
  pool.stop_trace();
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_GE(runs()[0]["dur"].number(), 20'000);
}

TEST_P(ExecutorTraceSuite, WorkersHaveNamesAndThoseThatComeLaterToo) {
  {
    ProcessPoolExecutor pool = make_pool(1);
    pool.trace(path);
    EXPECT_THROW(pool.submit([] { ::_exit(1); }).get(), WorkerLostError);
    EXPECT_EQ(pool.submit(square, 3).get(), 9);
  }
  std::map<std::string, std::string> names;
  for (const Json& event : read(path).elements) {
    if (event["name"].text == "process_name") names[event["pid"].text] = event["args"]["name"].text;
  }
  EXPECT_EQ(names[std::to_string(::getpid())], "caller");
  ASSERT_EQ(runs().size(), 2U);
  EXPECT_EQ(runs()[0]["args"]["outcome"].text, "lost");
  EXPECT_EQ(runs()[1]["args"]["outcome"].text, "value");
  EXPECT_NE(runs()[0]["pid"].text, runs()[1]["pid"].text);
  for (const Json& run : runs()) EXPECT_EQ(names[run["pid"].text], "PoolWorker-1");
}

TEST_P(ExecutorTraceSuite, PartsOfMapsSayHowManyElementsTheyRan) {
  {
    ProcessPoolExecutor pool = make_pool(2);
    pool.trace(path);
    for (const int n : pool.map(square, std::views::iota(0, 3000))) EXPECT_GE(n, 0);
  }
  double items = 0;
  for (const Json& run : runs()) items += run["args"]["items"].number();
  EXPECT_EQ(items, 3000);
}

TEST_P(ExecutorTraceSuite, ATaskThatThrewSaysSo) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.trace(path);
  EXPECT_THROW(pool.submit(fail, 1).get(), std::runtime_error);
  pool.stop_trace();
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_EQ(runs()[0]["args"]["outcome"].text, "exception");
  EXPECT_EQ(runs()[0]["args"]["attempt"].text, "1");
}

TEST_P(ExecutorTraceSuite, ATaskIsCalledByItsNameThereAndInItsLoss) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.trace(path);
  pool.submit({.name = "Ernst"}, square, 2).get();
  try {
    pool.submit({.name = "Ursula"}, [] { ::_exit(1); }).get();
    FAIL() << "it lives";
  } catch (const WorkerLostError& lost) {
    EXPECT_EQ(lost.task_name(), "Ursula");
    EXPECT_NE(std::string(lost.what()).find("Ursula"), std::string::npos) << lost.what();
  }
  pool.stop_trace();
  ASSERT_EQ(runs().size(), 2U);
  EXPECT_EQ(runs()[0]["name"].text, "Ernst");
  EXPECT_EQ(runs()[1]["name"].text, "Ursula");
}

TEST_P(ExecutorTraceSuite, ANewOneEndsTheOldOne) {
  make_pool(1).submit(square, 1).get();  // what stays for the life of the process is there
  const LeakGuard guard;
  const std::string second = path + ".2";
  {
    ProcessPoolExecutor pool = make_pool(1);
    pool.trace(path);
    pool.submit(square, 1).get();
    pool.trace(second);
    pool.submit(square, 2).get();
    pool.submit(square, 3).get();
    EXPECT_EQ(runs().size(), 1U);  // whole already
    pool.stop_trace();
    pool.stop_trace();  // again does nothing
    pool.submit(square, 4).get();
  }
  std::size_t count = 0;
  for (const Json& event : read(second).elements) count += event["ph"].text == "X" ? 1 : 0;
  EXPECT_EQ(count, 2U);
  ::unlink(second.c_str());
}

TEST_P(ExecutorTraceSuite, AFileThatCannotBeMadeIsAnErrorAtOnce) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.trace("/nowhere/timeline.json"), Error);
  EXPECT_EQ(pool.submit(square, 2).get(), 4);
}

TEST_P(ExecutorMetricsSuite, PercentilesTellHowLongTasksRanAndHowLongTheirCallersWaited) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.stats().run_time.count, 0U);
  for (int n = 0; n < 20; ++n) pool.submit(work, 1000).get();
  pool.submit(work, 30'000).get();
  const PoolStats stats = pool.stats();
  EXPECT_EQ(stats.run_time.count, 21U);
  EXPECT_GE(stats.run_time.p50, 960us);
  EXPECT_GE(stats.run_time.max, 30ms);
  EXPECT_LE(stats.run_time.p50, stats.run_time.p90);
  EXPECT_LE(stats.run_time.p90, stats.run_time.p99);
  EXPECT_LE(stats.run_time.p99, stats.run_time.max);
  EXPECT_EQ(stats.latency.count, 21U);
  EXPECT_GE(stats.latency.max, stats.run_time.max);
  EXPECT_GE(stats.latency.p50, 960us);
}

TEST_P(ExecutorMetricsSuite, OfManyTasksOneInSixteenIsMeasured) {
  ProcessPoolExecutor pool = make_pool(1);
  std::vector<Future<int>> futures;
  for (int n = 0; n < 256 + 1600; ++n) futures.push_back(pool.submit(square, n));
  for (Future<int>& future : futures) future.get();
  EXPECT_EQ(pool.stats().latency.count, 256U + 100U);
  EXPECT_EQ(pool.stats().run_time.count, 1856U);
}

TEST_P(ExecutorMetricsSuite, EachElementOfAMapCountsAsARun) {
  ProcessPoolExecutor pool = make_pool(2);
  for (const int n : pool.map(square, std::views::iota(0, 1000))) EXPECT_GE(n, 0);
  EXPECT_EQ(pool.stats().run_time.count, 1000U);
}

TEST_P(ExecutorMetricsSuite, WhoeverAttachesSeesWhatThePoolDoes) {
  ProcessPoolExecutor pool = make_pool(2);
  const std::vector<PoolMetrics> pools = PoolMetrics::attach(::getpid());
  ASSERT_EQ(pools.size(), 1U);
  const PoolMetrics& metrics = pools[0];
  auto [ready, ready_there] = pipe(Duplex::no);
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, ready_there, there);
  ready.recv<bool>();
  for (int n = 0; n < 10; ++n) pool.submit(square, n).get();
  while (pool.stats().idle < 1) std::this_thread::yield();
  const PoolMetrics::Snapshot seen = metrics.read();
  EXPECT_EQ(seen.stats.workers, 2U);
  EXPECT_EQ(seen.stats.idle, 1U);
  EXPECT_EQ(seen.stats.running, 1U);
  EXPECT_EQ(seen.stats.queued, 0U);
  EXPECT_EQ(seen.stats.completed, 10U);
  EXPECT_EQ(seen.stats.run_time.count, 10U);
  ASSERT_EQ(seen.workers.size(), 2U);
  const bool is_first_busy = seen.workers[0].state == PoolMetrics::State::busy;
  const PoolMetrics::Worker& busy = seen.workers[is_first_busy ? 0 : 1];
  const PoolMetrics::Worker& idle = seen.workers[is_first_busy ? 1 : 0];
  EXPECT_EQ(busy.state, PoolMetrics::State::busy);
  EXPECT_EQ(idle.state, PoolMetrics::State::idle);
  EXPECT_EQ(busy.done + idle.done, 10U);
  EXPECT_NE(busy.pid, idle.pid);
  EXPECT_LE(busy.since, std::chrono::steady_clock::now());
  here.send(5);
  EXPECT_EQ(running.get(), 5);
  EXPECT_EQ(pool.stats().completed, 11U);  // whoever collects is done with that now
  EXPECT_EQ(metrics.read().stats.completed, 11U);
}

TEST_P(ExecutorMetricsSuite, QueuedTasksAndLostWorkersShow) {
  ProcessPoolExecutor pool = make_pool(1);
  const PoolMetrics metrics = PoolMetrics::attach(::getpid()).at(0);
  auto [ready, ready_there] = pipe(Duplex::no);
  auto [here, there] = pipe();
  Future<int> running = pool.submit(wait_for_word, ready_there, there);
  ready.recv<bool>();
  std::vector<Future<int>> queued;
  for (int n = 0; n < 5; ++n) queued.push_back(pool.submit(square, n));
  EXPECT_EQ(metrics.read().stats.queued, 5U);
  EXPECT_TRUE(queued.back().cancel());
  EXPECT_EQ(metrics.read().stats.queued, 4U);
  const int pid = metrics.read().workers.at(0).pid;
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_THROW(running.get(), WorkerLostError);
  EXPECT_EQ(queued.front().get(), 0);
  const PoolMetrics::Snapshot seen = metrics.read();
  EXPECT_EQ(seen.stats.lost, 1U);
  EXPECT_EQ(seen.stats.restarted, 1U);
  EXPECT_NE(seen.workers.at(0).pid, pid);
}

TEST_P(ExecutorMetricsSuite, TheNumbersOfAProcessThatWasKilledStay) {
  RunningProgram host("observed_host", {"-", name_of(GetParam())});
  EXPECT_EQ(host.line(), "ready");
  const LeakGuard guard;
  const std::vector<PoolMetrics> pools = PoolMetrics::attach(host.pid());
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_TRUE(pools[0].is_alive());
  ASSERT_EQ(::kill(host.pid(), SIGSTOP), 0);
  EXPECT_EQ(PoolMetrics::attach(host.pid()).size(), 1U);
  EXPECT_EQ(pools[0].read().stats.completed, 100U);
  host.kill();
  host.wait();
  EXPECT_FALSE(pools[0].is_alive());
  EXPECT_EQ(pools[0].read().stats.completed, 100U);
}

TEST_P(ExecutorTraceSuite, OfAProcessThatWasKilledItCanBeRead) {
  RunningProgram host("observed_host", {path, name_of(GetParam())});
  EXPECT_EQ(host.line(), "ready");
  host.kill();
  host.wait();
  std::size_t count = 0;
  for (const Json& event : read(path, "]").elements) count += event["ph"].text == "X" ? 1 : 0;
  EXPECT_EQ(count, 100U);
}

TEST_P(ExecutorProgressSuite, CountsTheFuturesThatAreDone) {
  ProcessPoolExecutor pool = make_pool(1);
  const auto file = make_file();
  auto [ready, ready_there] = pipe(Duplex::no);
  auto [here, there] = pipe();
  std::vector<Future<int>> futures;
  for (int n = 0; n < 3; ++n) futures.push_back(pool.submit(square, n));
  futures.push_back(pool.submit(wait_for_word, ready_there, there));
  {
    Progress progress(futures, {.label = "squares", .stream = file.get()});
    ready.recv<bool>();
    EXPECT_FALSE(progress.wait(1ms));
  }
  EXPECT_TRUE(text_of(file).starts_with("squares: 3/4 (75%)")) << text_of(file);
  here.send(1);
  EXPECT_EQ(futures.back().get(), 1);
}

TEST_P(ExecutorProgressSuite, CanBeWaitedFor) {
  ProcessPoolExecutor pool = make_pool(2);
  const auto file = make_file();
  std::vector<Future<int>> futures;
  for (int n = 0; n < 50; ++n) futures.push_back(pool.submit(n % 2 == 0 ? square : fail, n));
  Progress progress{futures, {.stream = file.get()}};
  EXPECT_TRUE(progress.wait());
  for (const Future<int>& future : futures) EXPECT_TRUE(future.done());
  EXPECT_NE(text_of(file).find("50/50 (100%)"), std::string::npos) << text_of(file);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorProgressSuite);
SHOAL_FOR_EACH_START_METHOD(ExecutorTraceSuite);
SHOAL_FOR_EACH_START_METHOD(ExecutorMetricsSuite);

}  // namespace shoal::test
