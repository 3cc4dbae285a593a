// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pool/function_table.hpp"
#include "pool/payload.hpp"

namespace shoal::pool {

class ProcessPool;

/// A thread that waits for a task to finish.
struct Waiter {
  std::condition_variable wake;
  bool is_called = false;  ///< its task is done, or it is to collect; under the engine's lock
};

/// One call, from submit to its result: what a Future shares. Apart from `status`, its members are
/// under the engine's lock until the status is final, and do not change afterwards.
class Task {
 public:
  enum class Status : std::uint8_t {
    queued,
    running,    ///< handed to a worker
    finished,   ///< `payload` holds the encoded value
    raised,     ///< `payload` holds the encoded exception
    failed,     ///< `raise` throws what kept it from a result
    cancelled,  ///< `raise` throws CancelledError
  };

  Task(const Function& called, Payload arguments)
      : function(&called), payload(std::move(arguments)) {}

  /// acquire: pairs with the release in finish(); a final status makes the members readable.
  Status status() const noexcept { return status_.load(std::memory_order_acquire); }
  bool is_done() const noexcept { return status() >= Status::finished; }

  /// Enters a final status, once; the members that go with it are set before.
  void finish(Status status) noexcept { status_.store(status, std::memory_order_release); }
  void set_running(bool is_running) noexcept {
    status_.store(is_running ? Status::running : Status::queued, std::memory_order_release);
  }

  /// How errors name the task.
  const std::string& name() const { return function->name(); }

  const Function* function;
  Payload payload;              ///< arguments, then the result
  std::function<void()> raise;  ///< throws a fresh exception at each call
  std::uint64_t ticket = 0;     ///< of the current attempt
  std::uint16_t attempt = 0;
  ProcessPool* pool = nullptr;             ///< none once the status is final
  std::uint32_t generation = 0;            ///< of the process that submitted it
  std::atomic<bool> is_given_away{false};  ///< a value that cannot be copied was handed out
  std::vector<Waiter*> waiters;

 private:
  std::atomic<Status> status_{Status::queued};
};

using TaskRef = std::shared_ptr<Task>;

}  // namespace shoal::pool
