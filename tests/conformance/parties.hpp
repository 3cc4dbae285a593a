// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <ostream>
#include <shoal/process.hpp>
#include <string>
#include <thread>
#include <utility>

#include "conformance/objects.hpp"
#include "conformance/start_methods.hpp"

namespace shoal::test {

/// Where the parties run that share something: in threads of the test, or in processes of its own,
/// by a start method.
class Home {
 public:
  static Home threads() { return Home({}); }
  explicit Home(std::optional<StartMethod> method) : method_(method) {}

  bool is_threads() const noexcept { return !method_; }
  StartMethod method() const { return *method_; }
  std::string name() const { return method_ ? name_of(*method_) : "threads"; }

 private:
  std::optional<StartMethod> method_;
};

inline void PrintTo(const Home& home, std::ostream* out) { *out << home.name(); }

/// While it lives, an assertion that fails throws in processes that are forked; from the first one
/// on also in those that are executed. What a party asserts is so told by its exit code.
class FailuresThrowInChildren {
 public:
  FailuresThrowInChildren() {
    ::setenv("GTEST_THROW_ON_FAILURE", "1", 1);  // this process has read it already
    testing::FLAGS_gtest_throw_on_failure = true;
  }
  ~FailuresThrowInChildren() { testing::FLAGS_gtest_throw_on_failure = false; }
  FailuresThrowInChildren(const FailuresThrowInChildren&) = delete;
  FailuresThrowInChildren& operator=(const FailuresThrowInChildren&) = delete;
};

/// One party of a test: runs a function, to be joined. One that still runs when the test lets go of
/// it is killed, or joined if it is a thread.
class Party {
 public:
  template <class F, class... Args>
  Party(const Home& home, F fn, const Args&... args) {
    if (home.is_threads()) {
      thread_ = std::make_unique<std::jthread>([fn, args...] { fn(args...); });
    } else {
      process_ = std::make_unique<Process>(get_context(home.method()).process(fn, args...));
      const FailuresThrowInChildren for_this_one;
      process_->start();
    }
  }
  Party(Party&&) = default;
  ~Party() {
    if (process_ && process_->is_alive()) process_->kill();
  }

  /// Waits for its end; false if it failed.
  bool join() {
    if (thread_) {
      thread_->join();
      return true;
    }
    process_->join();
    return process_->exitcode() == 0;
  }

  Process& process() { return *process_; }

 private:
  std::unique_ptr<std::jthread> thread_;
  std::unique_ptr<Process> process_;
};

/// A suite of what holds wherever the parties run.
class PartySuite : public testing::TestWithParam<Home> {
 protected:
  template <class F, class... Args>
  Party start(F fn, const Args&... args) {
    return Party(GetParam(), fn, args...);
  }
};

/// A suite of what holds for processes only: they can be killed.
class ProcessPartySuite : public PartySuite {};

inline std::string name_of_home(const testing::TestParamInfo<Home>& home) {
  return home.param.name();
}

}  // namespace shoal::test

/// Binds a suite to processes of every start method.
#define SHOAL_FOR_EACH_PROCESS_HOME(Suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(, Suite,                                                                \
                           testing::Values(::shoal::test::Home(::shoal::StartMethod::fork),        \
                                           ::shoal::test::Home(::shoal::StartMethod::spawn),       \
                                           ::shoal::test::Home(::shoal::StartMethod::forkserver)), \
                           ::shoal::test::name_of_home)

/// Binds a suite to threads, and to processes of every start method.
#define SHOAL_FOR_EACH_HOME(Suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(, Suite,                                                                \
                           testing::Values(::shoal::test::Home::threads(),                         \
                                           ::shoal::test::Home(::shoal::StartMethod::fork),        \
                                           ::shoal::test::Home(::shoal::StartMethod::spawn),       \
                                           ::shoal::test::Home(::shoal::StartMethod::forkserver)), \
                           ::shoal::test::name_of_home)
