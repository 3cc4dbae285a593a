// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "pool/task.hpp"

namespace shoal::pool {

/// Makes a task of the pool in which `first` runs, or ran, that is submitted once `first` has a
/// value; `encode` writes its arguments then, on the notifier thread. Where `first` fails, it fails
/// likewise; where the pool has been shut down, by a PoolClosedError.
TaskRef add_successor(const TaskRef& first, const internal::CallTarget& call,
               std::function<void(Writer&)> encode);

/// The same where `first` is run by a thread of this process.
TaskRef add_local_successor(const TaskRef& first, const internal::CallTarget& target,
                            std::unique_ptr<internal::LocalCall> call);

}  // namespace shoal::pool
