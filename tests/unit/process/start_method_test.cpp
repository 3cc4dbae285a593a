// SPDX-License-Identifier: Apache-2.0
#include "shoal/start_method.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "shoal/context.hpp"

namespace shoal {
namespace {

constexpr auto kNoMethod = static_cast<StartMethod>(17);

TEST(StartMethodTest, DefaultIsForkserver) {
  EXPECT_EQ(get_start_method(), StartMethod::forkserver);
  EXPECT_EQ(Context().get_start_method(), StartMethod::forkserver);
}

TEST(StartMethodTest, AllThreeAreOffered) {
  EXPECT_EQ(get_all_start_methods(),
            (std::vector{StartMethod::fork, StartMethod::spawn, StartMethod::forkserver}));
}

TEST(StartMethodTest, IsSetOnceUnlessForced) {
  set_start_method(StartMethod::spawn, true);
  EXPECT_EQ(get_start_method(), StartMethod::spawn);
  EXPECT_THROW(set_start_method(StartMethod::fork), std::logic_error);
  EXPECT_EQ(get_start_method(), StartMethod::spawn);
  EXPECT_EQ(Context().get_start_method(), StartMethod::spawn);
  set_start_method(StartMethod::forkserver, true);
  EXPECT_EQ(Context().get_start_method(), StartMethod::forkserver);
}

TEST(StartMethodTest, UnknownOnesAreRefused) {
  EXPECT_THROW(set_start_method(kNoMethod, true), std::invalid_argument);
  EXPECT_THROW(get_context(kNoMethod), std::invalid_argument);
}

TEST(ContextTest, KeepsItsMethod) {
  const Context context = get_context(StartMethod::fork);
  EXPECT_EQ(context.get_start_method(), StartMethod::fork);
  EXPECT_EQ(context, Context(StartMethod::fork));
  EXPECT_NE(context, Context());
}

TEST(CpuCountTest, IsAtLeastOne) { EXPECT_GE(cpu_count(), 1U); }

}  // namespace
}  // namespace shoal
