// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <shoal/start_method.hpp>
#include <string_view>

namespace shoal::test {

/// The start method named by the last argument.
inline StartMethod method_argument(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[argc - 1] : "";
  if (name == "fork") return StartMethod::fork;
  if (name == "spawn") return StartMethod::spawn;
  if (name == "forkserver") return StartMethod::forkserver;
  std::abort();
}

}  // namespace shoal::test
