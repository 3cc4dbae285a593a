// SPDX-License-Identifier: Apache-2.0
#include "os/memory_killer.hpp"

#include <gtest/gtest.h>

namespace shoal::os {
namespace {

TEST(MemoryKillerTest, EveryFormatIsRead) {
  EXPECT_EQ(find_memory_kills("low 0\nhigh 0\nmax 3\noom 2\noom_kill 5\noom_group_kill 1\n"), 5U);
  EXPECT_EQ(find_memory_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n"), 12U);
  EXPECT_EQ(find_memory_kills("oom_kill_disable 0\nunder_oom 0\n"), std::nullopt);
  EXPECT_EQ(find_memory_kills("oom_kill many\n"), std::nullopt);
  EXPECT_EQ(find_memory_kills(""), std::nullopt);
}

TEST(MemoryKillerTest, ThisKernelTells) { EXPECT_TRUE(memory_kills()); }

}  // namespace
}  // namespace shoal::os
