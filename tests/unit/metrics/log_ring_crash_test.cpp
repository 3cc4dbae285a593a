// SPDX-License-Identifier: Apache-2.0
// A worker is killed before each of its steps in its log ring in turn. Whatever the step, each
// record is whole or absent, and none that was committed is missing without being counted.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "metrics/log_reader.hpp"
#include "metrics/log_writer.hpp"

namespace shoal::metrics {
namespace {

int steps_left = 0;  // in the child: it dies before the step that makes this zero

void step() {
  if (--steps_left == 0) ::kill(::getpid(), SIGKILL);
}

// The machine, but each operation on shared memory is a place to die at, and a copy dies at any
// of its bytes.
struct CrashingMachine {
  template <class T>
  class Atomic {
   public:
    T load(std::memory_order order) const noexcept { return value_.load(order); }
    void store(T value, std::memory_order order) noexcept {
      step();
      value_.store(value, order);
    }

   private:
    std::atomic<T> value_;
  };

  static void write(void* to, const void* from, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes; i += kStride) {
      step();
      std::memcpy(static_cast<char*>(to) + i, static_cast<const char*>(from) + i,
                  std::min(kStride, bytes - i));
    }
  }
  static void read(void* to, const void* from, std::size_t bytes) noexcept {
    std::memcpy(to, from, bytes);
  }
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  static constexpr std::size_t kStride = 96;
};

struct Shared {
  BlackBox<CrashingMachine> box;
  std::uint64_t committed;  // records whose write() has returned
};

class LogRingCrashTest : public testing::Test {
 protected:
  LogRingCrashTest()
      : shared(*new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared()) {}
  ~LogRingCrashTest() override { ::munmap(&shared, sizeof shared); }

  static std::string text_of(std::uint64_t n) {
    return std::string(200 + n % 7 * 50, static_cast<char>('a' + n % 26));
  }

  // Fills the ring, unread, so that each further record overwrites others; then a child writes
  // those, and dies before its `steps`-th step; false if it came to its end.
  bool run_and_die(int steps) {
    LogWriter<CrashingMachine> writer(shared.box);
    std::uint64_t n = 0;
    while (shared.box.begin.load(std::memory_order_relaxed) == 0) write(writer, ++n);
    const pid_t child = ::fork();
    if (child == 0) {
      steps_left = steps;
      for (int more = 0; more < kRecords; ++more) write(writer, ++n);
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
  }
  void write(LogWriter<CrashingMachine>& writer, std::uint64_t n) {
    writer.write(LogLevel::info, static_cast<std::int64_t>(n), text_of(n));
    shared.committed = n;
  }

  static constexpr int kRecords = 5;
  Shared& shared;
};

TEST_F(LogRingCrashTest, EachRecordIsWholeOrAbsentWhateverTheStep) {
  int points = 0;
  for (bool has_died = true; has_died; ++points) {
    new (&shared) Shared();
    has_died = run_and_die(points + 1);
    LogReader<CrashingMachine> reader(shared.box);
    const auto batch = reader.read();
    ASSERT_FALSE(reader.is_damaged()) << "point " << points;
    std::uint64_t n = batch.lost;
    for (const LogRecord& record : batch.records) {
      ++n;
      ASSERT_EQ(record.nanoseconds, static_cast<std::int64_t>(n)) << "point " << points;
      ASSERT_EQ(record.text, text_of(n)) << "point " << points;
    }
    // The last one may have been committed though its writer did not live to say so.
    ASSERT_GE(n, shared.committed) << "point " << points;
    ASSERT_LE(n, shared.committed + 1) << "point " << points;
  }
  std::printf("%d crash points\n", points - 1);
  EXPECT_GT(points, 4 * kRecords);
}

}  // namespace
}  // namespace shoal::metrics
