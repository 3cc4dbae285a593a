// SPDX-License-Identifier: Apache-2.0
#include "process/uncaught.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace shoal::process {
namespace {

struct NoException {};

template <class F>
std::string describe(F thrower) {
  try {
    thrower();
  } catch (...) {
    return describe_uncaught(std::current_exception());
  }
  return "nothing";
}

TEST(UncaughtTest, NamesTypeAndText) {
  EXPECT_EQ(describe([] { throw std::runtime_error("it broke"); }), "std::runtime_error: it broke");
}

TEST(UncaughtTest, NamesWhatIsNoException) {
  EXPECT_EQ(describe([] { throw 3; }), "an exception of type int");
  EXPECT_NE(describe([] { throw NoException{}; }).find("NoException"), std::string::npos);
}

TEST(UncaughtTest, ListsCausesInOrder) {
  EXPECT_EQ(describe([] {
              try {
                try {
                  throw 3;
                } catch (...) {
                  std::throw_with_nested(std::out_of_range("middle"));
                }
              } catch (...) {
                std::throw_with_nested(std::invalid_argument("outer"));
              }
            }),
            "std::invalid_argument: outer\n  caused by std::out_of_range: middle\n"
            "  caused by an exception of type int");
}

}  // namespace
}  // namespace shoal::process
