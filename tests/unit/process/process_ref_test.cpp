// SPDX-License-Identifier: Apache-2.0
#include "shoal/process_ref.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <stdexcept>

namespace shoal {
namespace {

TEST(ProcessRefTest, CurrentProcessIsThisOne) {
  const ProcessRef self = current_process();
  EXPECT_EQ(self.pid(), ::getpid());
  EXPECT_EQ(self.name(), "MainProcess");
  EXPECT_TRUE(self.is_alive());
  EXPECT_FALSE(self.daemon());
}

TEST(ProcessRefTest, MainProcessHasNoParent) { EXPECT_FALSE(parent_process()); }

TEST(ProcessRefTest, NobodyWaitsForHimself) {
  EXPECT_THROW(current_process().join(), std::logic_error);
}

TEST(ProcessRefTest, CopiesReferToTheSameProcess) {
  const ProcessRef self = current_process();
  const ProcessRef copy = self;
  EXPECT_EQ(copy.sentinel(), self.sentinel());
  pollfd polled{copy.sentinel(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
}

}  // namespace
}  // namespace shoal
