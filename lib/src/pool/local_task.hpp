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
  /// A task of this home, which nobody has heard of yet.
  virtual std::shared_ptr<Task> make_task(const internal::CallTarget& target,
                                          std::unique_ptr<internal::LocalCall> call) = 0;
  /// Makes `task` one that is fed or failed later; false if the pool has been shut down.
  virtual bool expect(const std::shared_ptr<Task>& task) = 0;
  /// Queues a task that was expected, unless it has been cancelled.
  virtual void feed(const std::shared_ptr<Task>& task) = 0;
  /// Fails a task that was expected by what `thrower` throws, unless it has been cancelled.
  virtual void fail(const std::shared_ptr<Task>& task, std::function<void()> thrower) = 0;
};

}  // namespace shoal::pool
