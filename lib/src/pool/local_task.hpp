// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "pool/task_home.hpp"
#include "shoal/local_call.hpp"

namespace shoal::pool {

class LocalHome;

/// What a task that a thread of this process runs has beside others: nothing of it is encoded.
struct LocalTask {
  std::unique_ptr<internal::LocalCall> call;  ///< none once it has run for the last time
  internal::LocalValue value = {};            ///< once its status is `finished`
  std::weak_ptr<LocalHome> home = {};         ///< also once it is done
};

/// Where such tasks run. What follows is called without the engine's lock.
class LocalHome : public TaskHome {
 public:
  /// Makes a task that is fed or failed later; none once the pool has been shut down.
  virtual std::shared_ptr<Task> expect(const internal::CallTarget& target,
                                       std::unique_ptr<internal::LocalCall> call) = 0;
  /// Queues a task that was expected, unless it has been cancelled.
  virtual void feed(const std::shared_ptr<Task>& task) = 0;
  /// Fails a task that was expected by what `thrower` throws, unless it has been cancelled.
  virtual void fail(const std::shared_ptr<Task>& task, std::function<void()> thrower) = 0;
};

}  // namespace shoal::pool
