// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace shoal::test {

/// What this process could leave behind, as /proc and /dev/shm show it.
struct Holdings {
  std::map<int, std::string> descriptors;  // number → what it points at
  std::map<int, std::string> children;     // pid → "name (state)", zombies as state Z
  std::set<std::string> shared_names;      // entries of /dev/shm that carry this process's pid
};

/// Reads what this process holds now.
Holdings current_holdings();

/// Names everything in `after` that `before` lacked: "descriptor 7 -> socket:[91]", "child 812
/// sleep (S)", …
std::vector<std::string> find_leaks(const Holdings& before, const Holdings& after);

/// Names the zombies and the shared names in `after` that `before` lacked: what no test may leave,
/// ever.
std::vector<std::string> find_forbidden_leaks(const Holdings& before, const Holdings& after);

/// Fails the running test if, at the end of its scope, the process holds a descriptor, a child or a
/// shared name that it did not hold at the start. What lives as long as the process (fork server,
/// service thread) is started lazily: start it before the guard, so that it belongs to the
/// baseline.
///
/// Some things end on other threads, a moment after the call that asked for it: only what stays for
/// `patience` is a leak.
class LeakGuard {
 public:
  explicit LeakGuard(std::chrono::milliseconds patience = std::chrono::seconds(5));
  ~LeakGuard();
  LeakGuard(const LeakGuard&) = delete;
  LeakGuard& operator=(const LeakGuard&) = delete;

 private:
  std::chrono::milliseconds patience_;
  Holdings before_;
};

/// Watches every test of the program for zombies and for names left in /dev/shm.
class LeakListener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestEnd(const testing::TestInfo& test) override;

  Holdings before_;
};

}  // namespace shoal::test
