// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <shoal/shoal.hpp>
#include <string>

namespace shoal::test {

/// Kills workers from within and from without while tasks pass through, and holds every task to its
/// promise: a value, or the loss of a task that had started; once; never a wrong value.
class KillStress : public testing::TestWithParam<StartMethod> {
 protected:
  struct Scale {
    std::uint64_t tasks;   ///< at least
    std::uint64_t deaths;  ///< at least, half of them from within
  };
  void run(Scale scale);

 private:
  struct Job;
  struct Done;
  struct Pending;
  struct Totals;

  static Done work(const Job& job);
  static void die_at(const Job& job, int point);
  Job next_job(std::uint64_t number, std::uint64_t deaths_inside);
  void settle(Pending& pending, Totals& totals);

  std::mt19937_64 random_{42};
  std::uint64_t spacing_ = 1;
  std::atomic<int> victim_{0};
};

}  // namespace shoal::test
