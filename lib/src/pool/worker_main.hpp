// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/child.hpp"

namespace shoal::pool {

/// The life of a worker process: attaches to its mailbox, says hello, and runs tasks until told to
/// leave. What it is given: {index, spin} and descriptors D, W, G, board, leader bell, service
/// bell.
int worker_main(process::ChildContext& context);

/// The first descriptors of a worker's payload, in this order.
enum class WorkerDescriptor : unsigned { submissions, completions, gate, board, leader, service };

}  // namespace shoal::pool
