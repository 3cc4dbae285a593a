// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <shoal/bootstrap.hpp>

#include "support/leak_guard.hpp"

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new shoal::test::LeakListener);
  return RUN_ALL_TESTS();
}
