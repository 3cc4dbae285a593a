// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "step/stepped_child.hpp"
#include "support/sanitized.hpp"

namespace shoal::test {

/// One operation on the shared memory of a `Scene`, and what it may leave.
template <class Scene>
struct Operation {
  std::string name;
  std::function<void(Scene&)> prepare;       ///< in this process, before the child is forked
  std::function<void(Scene&)> act;           ///< in the child, which dies on its way through
  std::function<std::string(Scene&)> state;  ///< in this process, when it is dead
  std::vector<std::string> states;           ///< the possible ones, in this order
};

template <class Scene>
void PrintTo(const Operation<Scene>& operation, std::ostream* out) {
  *out << operation.name;
}

/// Kills a child after every instruction of an operation, and looks at what that left each time.
template <class Scene>
class StepTest : public testing::TestWithParam<Operation<Scene>> {
 protected:
  void check() {
    if (kIsSanitized) GTEST_SKIP() << "most instructions would be the sanitizer's";
    if (!can_step()) GTEST_SKIP() << "this process may not step through its children";
    const std::vector<std::string>& states = this->GetParam().states;
    std::vector<int> counts(states.size());
    std::size_t at = 0;
    int points = 0;
    {
      Scene first;  // what the linker binds at the first call is bound here
      this->GetParam().prepare(first);
      this->GetParam().act(first);
    }
    EXPECT_EQ(state_after(kToTheEnd), states.back());
    const int all = executed_;
    for (; points <= all && !this->HasFailure(); ++points) {
      const std::string state = state_after(points);
      // The clock is read in some more instructions or less.
      if (executed_ < points) {
        EXPECT_EQ(state, states.back());
        break;
      }
      if (state != states[at] && at + 1 < states.size()) ++at;
      EXPECT_EQ(state, states[at]) << "behind instruction " << points << " of " << all;
      ++counts[at];
    }
    EXPECT_GT(std::ranges::min(counts), 0) << "a state was never seen";
    std::printf("%s: %d points:", this->GetParam().name.c_str(), points);
    for (std::size_t i = 0; i < states.size(); ++i) {
      std::printf(" %s %d", states[i].c_str(), counts[i]);
    }
    std::printf("\n");
  }

 private:
  // What is left of the operation when it is killed behind so many instructions.
  std::string state_after(int instructions) {
    const Operation<Scene>& operation = this->GetParam();
    Scene scene;
    operation.prepare(scene);
    executed_ = step_and_kill([&] { operation.act(scene); }, instructions);
    return operation.state(scene);
  }

  int executed_ = 0;
};

}  // namespace shoal::test
