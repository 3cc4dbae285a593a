// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <shoal/start_method.hpp>

namespace shoal::test {

/// Processes that share one lock and one barrier are killed and stopped at random for so long;
/// whoever is left goes on, and what the lock guards stays whole.
void kill_and_stop(StartMethod method, std::chrono::seconds length);

}  // namespace shoal::test
