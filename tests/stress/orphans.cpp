// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "conformance/running_program.hpp"
#include "stress/faults.hpp"

namespace shoal::test {

void kill_parents(StartMethod method, const std::string& state, int parents) {
  std::vector<double> milliseconds;
  for (int parent = 0; parent < parents; ++parent) {
    RunningProgram host("killed_pool_host", {state, name_of(method)});
    ASSERT_EQ(host.line(), "ready");
    const std::vector<int> family = descendants_of(host.pid());
    const std::vector<UniqueFd> sentinels = watch(family);
    ASSERT_GE(family.size(), 4U);
    ASSERT_EQ(sentinels.size(), family.size());
    const auto killed = std::chrono::steady_clock::now();
    host.kill();
    await_ends(sentinels);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - killed;
    milliseconds.push_back(taken.count());
    host.wait();
  }
  std::ranges::sort(milliseconds);
  std::printf(
      "%s, %s: %d parents killed, their last process gone after %.1f ms (p50), %.1f (max)\n",
      name_of(method).c_str(), state.c_str(), parents, milliseconds[milliseconds.size() / 2],
      milliseconds.back());
}

}  // namespace shoal::test
