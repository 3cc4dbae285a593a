// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/child.hpp"

namespace shoal::pool {

/// The life of a worker process: attaches to its mailbox, says hello, and runs tasks until told to
/// leave. What it is given: {index, spin, confinement}, descriptors D, W, G, board, leader bell,
/// service bell, log bell, black box, {whether its memory is watched, initializer}.
int worker_main(process::ChildContext& context);

/// The first descriptors of a worker's payload, in this order.
enum class WorkerDescriptor : unsigned {
  submissions,
  completions,
  gate,
  board,
  leader,
  service,
  log_bell,
  black_box,
};
inline constexpr unsigned kWorkerDescriptors = 8;

}  // namespace shoal::pool
