// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <shoal/shoal.hpp>
#include <string>

#include "conformance/start_methods.hpp"

namespace shoal::test {

/// The behaviours that a process pool promises, whatever its workers are started by.
class ExecutorSuite : public testing::TestWithParam<StartMethod> {
 protected:
  static ProcessPoolExecutor make_pool(unsigned workers) {
    return ProcessPoolExecutor{{.max_workers = workers, .context = get_context(GetParam())}};
  }
};

}  // namespace shoal::test
