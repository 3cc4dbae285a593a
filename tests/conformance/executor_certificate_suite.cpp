// SPDX-License-Identifier: Apache-2.0
// What a worker that dies leaves behind: its death certificate, and its last words in the log.
#undef NDEBUG

#include <signal.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "conformance/executor_suite.hpp"
#include "os/crash_handler.hpp"

namespace shoal::test {

// Found by name: not in an anonymous namespace, not inlined, and doing something behind the crash.
volatile int volatile_zero = 0;
[[gnu::noinline]] int crash_in_an_extern_function(int n) {
  volatile int* const nowhere = reinterpret_cast<int*>(volatile_zero + 64);
  *nowhere = n;
  return n + volatile_zero;
}
[[gnu::noinline]] int overflow_the_stack(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  if (depth == volatile_zero) return 0;
  return overflow_the_stack(depth + 1) + frame[volatile_zero];
}

namespace {

[[gnu::noinline]] int crash_in_a_static_function(int n) {
  return crash_in_an_extern_function(n) + n + volatile_zero;
}
[[gnu::noinline]] void fail_an_assertion(int two) { assert(two == 3); }
[[gnu::noinline]] int throw_if_positive(int n) {
  if (n > volatile_zero) throw std::runtime_error("a promise was broken");
  return n;
}
[[gnu::noinline]] int promise_not_to_throw(int n) noexcept { return throw_if_positive(n) + n; }
[[gnu::noinline]] int divide(int n) {
#if defined(__x86_64__)
  return n / volatile_zero;  // traps there only
#else
  ::raise(SIGFPE);
  return n;
#endif
}

class ExecutorCertificateSuite : public ExecutorSuite {
 protected:
  template <class... Arguments>
  static WorkerLoss loss_of(ProcessPoolExecutor& pool, const Arguments&... arguments) {
    try {
      pool.submit(arguments...).get();
    } catch (const WorkerLostError& lost) {
      what() = lost.what();
      return lost.loss();
    }
    ADD_FAILURE() << "the worker has survived";
    return {};
  }
  static std::string& what() {
    static std::string text;
    return text;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
};

class ExecutorCrashSuite : public ExecutorCertificateSuite {
 protected:
  void SetUp() override {
    if (!os::has_crash_handler()) GTEST_SKIP() << "sanitizers have a crash handler of their own";
  }
};

TEST_P(ExecutorCrashSuite, ASegmentationFaultNamesTheFunctionAndItsCaller) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, crash_in_a_static_function, 5);
  EXPECT_EQ(loss.signal, SIGSEGV);
  EXPECT_EQ(loss.attempt, 1U);
  EXPECT_FALSE(loss.out_of_memory);
  EXPECT_EQ(loss.message, "");
  const std::string first = loss.backtrace.substr(0, loss.backtrace.find('\n'));
  EXPECT_TRUE(has(first, "#0 shoal::test::crash_in_an_extern_function(int) (")) << loss.backtrace;
  EXPECT_TRUE(has(first, "+0x")) << first;
  EXPECT_TRUE(has(loss.backtrace, "crash_in_a_static_function(int)")) << loss.backtrace;
  EXPECT_TRUE(has(what(), "crash_in_an_extern_function(int)")) << what();
}

TEST_P(ExecutorCrashSuite, AnOverflownStackIsWalked) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, overflow_the_stack, 1);
  EXPECT_EQ(loss.signal, SIGSEGV);
  EXPECT_TRUE(has(loss.backtrace, "overflow_the_stack(int)")) << loss.backtrace;
}

TEST_P(ExecutorCrashSuite, AnAbortNamesWhoAborted) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] { std::abort(); });
  EXPECT_EQ(loss.signal, SIGABRT);
  EXPECT_TRUE(has(loss.backtrace, "abort")) << loss.backtrace;
  EXPECT_TRUE(has(loss.backtrace, "AnAbortNamesWhoAborted")) << loss.backtrace;
}

TEST_P(ExecutorCrashSuite, AnAssertionsWordsAreKept) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, fail_an_assertion, 2);
  EXPECT_EQ(loss.signal, SIGABRT);
  EXPECT_TRUE(has(loss.message, "two == 3")) << loss.message;
  EXPECT_TRUE(has(loss.backtrace, "fail_an_assertion(int)")) << loss.backtrace;
  EXPECT_TRUE(has(what(), "two == 3")) << what();
}

TEST_P(ExecutorCrashSuite, TerminateTellsTheExceptionThatLedThere) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(
      pool, [](int n) { return promise_not_to_throw(n); }, 1);
  EXPECT_EQ(loss.signal, SIGABRT);
  EXPECT_EQ(loss.message, "uncaught std::runtime_error: a promise was broken");
  EXPECT_TRUE(has(loss.backtrace, "promise_not_to_throw(int)")) << loss.backtrace;
  EXPECT_TRUE(has(what(), "a promise was broken")) << what();
}

TEST_P(ExecutorCrashSuite, AThreadOfATaskMayCrash) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss =
      loss_of(pool, [] { std::thread([] { crash_in_an_extern_function(1); }).join(); });
  EXPECT_EQ(loss.signal, SIGSEGV);
  EXPECT_TRUE(has(loss.backtrace, "crash_in_an_extern_function(int)")) << loss.backtrace;
}

TEST_P(ExecutorCrashSuite, ACallOfNothingNamesTheCaller) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] {
    reinterpret_cast<void (*)()>(static_cast<std::uintptr_t>(volatile_zero))();
    return volatile_zero;
  });
  EXPECT_EQ(loss.signal, SIGSEGV);
  EXPECT_TRUE(has(loss.backtrace, "#0 ?? (0x0)")) << loss.backtrace;
  EXPECT_TRUE(has(loss.backtrace, "ACallOfNothingNamesTheCaller")) << loss.backtrace;
}

TEST_P(ExecutorCrashSuite, EverySignalOfOnesOwnMakingStaysWhatItIs) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(loss_of(pool, divide, 4).signal, SIGFPE);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) {
    const WorkerLoss loss = loss_of(
        pool, [](int number) { return ::raise(number); }, signal);
    EXPECT_EQ(loss.signal, signal);
    EXPECT_TRUE(has(loss.backtrace, "raise")) << loss.backtrace;
  }
  EXPECT_EQ(pool.submit([](int n) { return n + 1; }, 1).get(), 2);
}

TEST_P(ExecutorCertificateSuite, WhatIsNoCrashHasNoBacktrace) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss exited = loss_of(pool, [] { std::exit(3); });
  EXPECT_EQ(exited.exit_status, 3);
  EXPECT_EQ(exited.backtrace, "");
  const WorkerLoss killed = loss_of(pool, [] { ::kill(::getpid(), SIGKILL); });
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(killed.backtrace, "");
  EXPECT_FALSE(killed.out_of_memory);
}

TEST_P(ExecutorCertificateSuite, AHandlerOfTheUsersStaysInForce) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] {
    ::signal(SIGSEGV, [](int) { ::_exit(17); });
    crash_in_an_extern_function(1);
  });
  EXPECT_EQ(loss.exit_status, 17);
  EXPECT_EQ(loss.backtrace, "");
}

TEST_P(ExecutorCrashSuite, ACopyThatATaskForksReportsNothing) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] {
    const int copy = ::fork();
    if (copy == 0) crash_in_an_extern_function(1);
    siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(copy), &end, WEXITED);
    ::_exit(end.si_status == SIGSEGV ? 5 : 6);
  });
  EXPECT_EQ(loss.exit_status, 5);
  EXPECT_EQ(loss.backtrace, "");
}

TEST_P(ExecutorCertificateSuite, TheUsageIsWhatTheTaskDid) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] {
    std::vector<char> memory(64 << 20, 'a');
    const auto end = std::clock() + CLOCKS_PER_SEC / 10;
    while (std::clock() < end) memory[0] = memory[1000];
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(loss.usage);
  EXPECT_GE(loss.usage->user_time + loss.usage->system_time, std::chrono::milliseconds(80));
  EXPECT_GE(loss.usage->max_rss_bytes, std::size_t{64} << 20);
}

// --- the log ------------------------------------------------------------------------------------

class Ledger final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  struct Line {
    int level;
    std::string text;
  };

  std::vector<Line> lines() {
    const std::lock_guard guard(mutex_);
    return lines_;
  }
  // Waits until a line has `part` in it; ctest's watchdog bounds it.
  Line await(const std::string& part) {
    for (;; ::usleep(1000)) {
      for (const Line& line : lines()) {
        if (line.text.find(part) != std::string::npos) return line;
      }
    }
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_.push_back({message.level, {message.payload.data(), message.payload.size()}});
  }
  void flush_() override {}

  std::vector<Line> lines_;
};

class ExecutorLogSuite : public ExecutorCertificateSuite {
 protected:
  ExecutorLogSuite() { get_logger()->sinks() = {ledger}; }
  ~ExecutorLogSuite() override {
    // In the notifier's hands nothing may be left when the ledger goes.
    get_logger()->sinks() = sinks;
  }

  std::vector<spdlog::sink_ptr> sinks = get_logger()->sinks();
  std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
};

TEST_P(ExecutorLogSuite, RecordsOfAWorkerThatLivesArriveUnderItsName) {
  ProcessPoolExecutor pool = make_pool(1);
  const int pid = pool.submit([] {
                        get_logger()->info("nobody reads this");
                        get_logger()->warn("to {}", "whom it may concern");
                        get_logger()->error("it failed");
                        return ::getpid();
                      })
                      .get();
  const Ledger::Line last = ledger->await("it failed");
  EXPECT_EQ(last.level, static_cast<int>(LogLevel::error));
  const std::vector<Ledger::Line> lines = ledger->lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].level, static_cast<int>(LogLevel::warn));
  EXPECT_EQ(lines[0].text, "PoolWorker-1 pid " + std::to_string(pid) + ": to whom it may concern");
}

TEST_P(ExecutorLogSuite, EachRecordArrivesAloneThoughNobodyLogsAgain) {
  ProcessPoolExecutor pool = make_pool(2);
  for (int n = 0; n < 50; ++n) {
    pool.submit([](int number) { get_logger()->warn("record {}.", number); }, n).get();
    ledger->await("record " + std::to_string(n) + ".");
  }
}

TEST_P(ExecutorLogSuite, TheLastWordsBeforeACrashArriveAndAreQuoted) {
  ProcessPoolExecutor pool = make_pool(1);
  const WorkerLoss loss = loss_of(pool, [] {
    for (int n = 1; n <= 30; ++n) get_logger()->warn("step {}", n);
    get_logger()->error("the bridge is gone");
    ::signal(SIGSEGV, SIG_DFL);
    crash_in_an_extern_function(1);
  });
  ASSERT_EQ(loss.last_log_lines.size(), 20U);
  EXPECT_EQ(loss.last_log_lines.front(), "[warning] step 12");
  EXPECT_EQ(loss.last_log_lines.back(), "[error] the bridge is gone");
  ledger->await("the bridge is gone");
  const std::vector<Ledger::Line> lines = ledger->lines();
  ASSERT_GE(lines.size(), 31U);
  for (std::size_t n = 0; n < 30; ++n) {
    EXPECT_TRUE(lines[n].text.ends_with(": step " + std::to_string(n + 1))) << lines[n].text;
  }
}

TEST_P(ExecutorLogSuite, RecordsOfManyThreadsArriveOnceOrAreCountedAsLost) {
  constexpr int kThreads = 4;
  constexpr int kRecords = 2000;
  ProcessPoolExecutor pool = make_pool(1);
  pool.submit([] {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
          threads.emplace_back([] {
            for (int n = 0; n < kRecords; ++n) get_logger()->warn("one of many");
          });
        }
        threads.clear();
        get_logger()->warn("that was all");
      })
      .get();
  ledger->await("that was all");
  std::size_t accounted = 0;
  for (const Ledger::Line& line : ledger->lines()) {
    const std::string text = line.text.substr(line.text.find(": ") + 2);
    if (text.ends_with("were lost: it logged faster than they were read")) {
      accounted += std::stoul(text);
    } else if (text == "one of many") {
      ++accounted;
    }
  }
  EXPECT_EQ(accounted, std::size_t{kThreads} * kRecords);
}

TEST_P(ExecutorLogSuite, ACopyThatATaskForksWritesItsOwnRecords) {
  ProcessPoolExecutor pool = make_pool(1);
  pool.submit([] {
        const int copy = ::fork();
        if (copy == 0) {
          ::close(2);
          get_logger()->error("from a copy");
          ::_exit(0);
        }
        siginfo_t end{};
        ::waitid(P_PID, static_cast<id_t>(copy), &end, WEXITED);
        get_logger()->error("from the worker, {}", end.si_status);
      })
      .get();
  ledger->await("from the worker, 0");
  EXPECT_EQ(ledger->lines().size(), 1U);
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorCertificateSuite);
SHOAL_FOR_EACH_START_METHOD(ExecutorCrashSuite);
SHOAL_FOR_EACH_START_METHOD(ExecutorLogSuite);

}  // namespace shoal::test
