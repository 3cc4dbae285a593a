// SPDX-License-Identifier: Apache-2.0
// What a reader makes of files that a pool's process, or a stranger, calls "shoal-metrics".
#include "shoal/pool_metrics.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "memory/mapping.hpp"
#include "metrics/metrics_file.hpp"
#include "os/memfd.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using metrics::MetricsFile;
using metrics::SharedPoolMetrics;

template <class T>
T value_of(os::Result<T> result) {
  if (!result) throw Error(result.error().to_string());
  return std::move(*result);
}

// A file of that name, sealed, with whatever a stranger writes to it.
struct Forgery {
  explicit Forgery(std::size_t bytes = metrics::kMetricsBytes)
      : fd(value_of(os::create_shared_file(metrics::kMetricsName, bytes))),
        mapping(value_of(memory::Mapping::map(fd.get(), bytes, memory::Access::read_write))) {
    if (!os::seal(fd.get(), os::Writers::those_who_mapped)) throw Error("not sealed");
  }
  SharedPoolMetrics& file() { return *reinterpret_cast<SharedPoolMetrics*>(mapping.data()); }
  void pretend() {
    file().version = metrics::kMetricsVersion;
    file().pid = static_cast<std::uint32_t>(::getpid());
    file().magic.store(metrics::kMetricsMagic);
  }

  os::Fd fd;
  memory::Mapping mapping;
};

TEST(PoolMetricsTest, AProcessWithoutPoolsHasNone) {
  EXPECT_TRUE(PoolMetrics::attach(::getpid()).empty());
}

TEST(PoolMetricsTest, ReadsWhatWasWritten) {
  MetricsFile written = value_of(MetricsFile::create(2));
  written.set(metrics::Counter::completed, 7);
  written.set(metrics::Counter::spins, 8);
  written.run_time().record(1000);
  written.set_worker(1, 123, MetricsFile::State::starting);
  written.add_done(1, 4, MetricsFile::State::busy, 99);
  const std::vector<PoolMetrics> pools = PoolMetrics::attach(::getpid());
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools[0].pid(), ::getpid());
  EXPECT_TRUE(pools[0].is_alive());
  EXPECT_GE(pools[0].age(), Duration::zero());
  const PoolMetrics::Snapshot seen = pools[0].read();
  EXPECT_EQ(seen.stats.completed, 7U);
  EXPECT_EQ(seen.stats.spins, 8U);
  EXPECT_EQ(seen.stats.run_time.count, 1U);
  ASSERT_EQ(seen.run_time.size(), 1U);
  EXPECT_EQ(seen.run_time[0].count, 1U);
  EXPECT_GE(seen.run_time[0].up_to.count(), 1000);
  EXPECT_TRUE(seen.latency.empty());
  ASSERT_EQ(seen.workers.size(), 1U);
  EXPECT_EQ(seen.workers[0].index, 1U);
  EXPECT_EQ(seen.workers[0].pid, 123);
  EXPECT_EQ(seen.workers[0].state, PoolMetrics::State::busy);
  EXPECT_EQ(seen.workers[0].done, 4U);
  EXPECT_EQ(seen.workers[0].since.time_since_epoch().count(), 99);
}

TEST(PoolMetricsTest, RowsBeyondTheFirstOnesComeIntoUse) {
  MetricsFile written = value_of(MetricsFile::create(1));
  written.set_worker(metrics::kMostPlaces - 1, 5, MetricsFile::State::idle);
  const auto workers = PoolMetrics::attach(::getpid()).at(0).read().workers;
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_EQ(workers[0].index, metrics::kMostPlaces - 1);
}

TEST(PoolMetricsTest, NobodyElseCanWriteToIt) {
  const MetricsFile written = value_of(MetricsFile::create(1));
  const std::string link = "/proc/self/fd/";
  int found = 0;
  for (int fd = 0; fd < 256; ++fd) {
    std::array<char, 64> target{};
    if (::readlink((link + std::to_string(fd)).c_str(), target.data(), target.size() - 1) < 0) {
      continue;
    }
    if (std::strcmp(target.data(), "/memfd:shoal-metrics (deleted)") != 0) continue;
    ++found;
    void* const map = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT_EQ(map, MAP_FAILED);
    EXPECT_NE(::write(fd, "x", 1), 1);
    EXPECT_NE(::ftruncate(fd, 0), 0);
  }
  EXPECT_EQ(found, 1);
}

TEST(PoolMetricsTest, FilesThatOnlyHaveTheNameArePassedOver) {
  const Forgery empty;
  Forgery small(4096);
  std::memcpy(small.mapping.data(), "SHOALMET", 8);
  Forgery other_pid;
  other_pid.pretend();
  other_pid.file().pid = 1;
  const os::Fd unsealed = value_of(os::create_shared_file(metrics::kMetricsName, 8192));
  small.file().version = metrics::kMetricsVersion;
  small.file().pid = static_cast<std::uint32_t>(::getpid());
  EXPECT_TRUE(PoolMetrics::attach(::getpid()).empty());
}

TEST(PoolMetricsTest, AnotherVersionIsNamed) {
  Forgery newer;
  newer.pretend();
  newer.file().version = metrics::kMetricsVersion + 1;
  EXPECT_THROW(PoolMetrics::attach(::getpid()), Error);
}

TEST(PoolMetricsTest, NonsenseIsReadWithoutHarm) {
  Forgery forgery;
  std::memset(forgery.mapping.data(), 0xff, forgery.mapping.size());
  forgery.pretend();
  const PoolMetrics pool = PoolMetrics::attach(::getpid()).at(0);
  const PoolMetrics::Snapshot seen = pool.read();
  EXPECT_TRUE(seen.workers.empty());  // no state is 0xffffffff
  EXPECT_FALSE(seen.run_time.empty());
  for (std::uint32_t state = 0; state < 5; ++state) forgery.file().workers[state].state = state;
  EXPECT_EQ(pool.read().workers.size(), 3U);
}

TEST(PoolMetricsTest, AProcessThatIsGoneIsAnErrorThatSaysSo) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  try {
    PoolMetrics::attach(child);
    FAIL() << "attached to a process that is gone";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_process);
    EXPECT_NE(std::string(error.what()).find(std::to_string(child)), std::string::npos);
  }
}

TEST(PoolMetricsTest, AForkedCopyHasNoPoolOfItsParents) {
  const MetricsFile written = value_of(MetricsFile::create(1));
  int line[2];
  ASSERT_EQ(::pipe(line), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char word = 0;
    ::close(line[1]);
    static_cast<void>(::read(line[0], &word, 1));
    ::_exit(0);
  }
  EXPECT_TRUE(PoolMetrics::attach(child).empty());
  ::close(line[0]);
  ::close(line[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace shoal
