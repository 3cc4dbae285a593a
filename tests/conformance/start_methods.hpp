// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <shoal/start_method.hpp>
#include <string>

namespace shoal {

/// How gtest shows a start method.
inline void PrintTo(StartMethod method, std::ostream* out) {
  *out << (method == StartMethod::fork    ? "fork"
           : method == StartMethod::spawn ? "spawn"
                                          : "forkserver");
}

}  // namespace shoal

namespace shoal::test {

/// How test names spell a start method.
inline std::string name_of(StartMethod method) { return testing::PrintToString(method); }
inline std::string name_of_parameter(const testing::TestParamInfo<StartMethod>& method) {
  switch (method.param) {
    case StartMethod::fork:
      return "fork";
    case StartMethod::spawn:
      return "spawn";
    case StartMethod::forkserver:
      return "forkserver";
  }
  return "unknown";
}

}  // namespace shoal::test

/// Binds a suite to every start method.
#define SHOAL_FOR_EACH_START_METHOD(Suite)                                     \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      , Suite,                                                                 \
      testing::Values(::shoal::StartMethod::fork, ::shoal::StartMethod::spawn, \
                      ::shoal::StartMethod::forkserver),                       \
      ::shoal::test::name_of_parameter)
