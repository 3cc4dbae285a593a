// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "pool/function_table.hpp"
#include "pool/local_task.hpp"
#include "pool/part.hpp"
#include "pool/payload.hpp"
#include "pool/task_home.hpp"
#include "pool/task_policy.hpp"
#include "pool/waiter.hpp"

namespace shoal::pool {

/// One call, from submit to its result: what a Future shares. Apart from `status`, its members are
/// under the engine's lock until the status is final, and do not change afterwards.
class Task {
 public:
  enum class Status : std::uint8_t {
    queued,
    running,    ///< handed to a worker
    finished,   ///< `payload` holds the encoded value
    raised,     ///< `payload` holds the encoded exception
    failed,     ///< raise() throws what kept it from a result
    cancelled,  ///< raise() throws CancelledError
  };

  Task(const Function& called, Payload arguments)
      : function(&called), payload(std::move(arguments)) {}

  /// acquire: pairs with the release in finish(); a final status makes the members readable.
  Status status() const noexcept { return status_.load(std::memory_order_acquire); }
  bool is_done() const noexcept { return status() >= Status::finished; }

  /// Enters a final status, once; the members that go with it are set before.
  void finish(Status status) noexcept { status_.store(status, std::memory_order_release); }
  void set_running(bool is_running) noexcept {
    status_.store(is_running ? Status::running : Status::queued, std::memory_order_relaxed);
  }

  /// How errors name the task.
  const std::string& name() const {
    return policy == nullptr || policy->name.empty() ? function->name() : policy->name;
  }
  int priority() const noexcept { return policy == nullptr ? 0 : policy->priority; }
  /// How often its user allows it to be run again.
  unsigned retries() const noexcept { return policy == nullptr ? 0 : policy->retries; }

  /// Says what keeps the task from a result; `thrower` throws a fresh exception at each call.
  /// Without the memory to keep it, nothing is said.
  template <class Thrower>
  void fail_by(Thrower&& thrower) {
    try {
      thrower_ = std::make_unique<std::function<void()>>(std::forward<Thrower>(thrower));
    } catch (const std::bad_alloc&) {
      thrower_ = nullptr;
    }
  }
  /// The same of what `make_thrower` gives, which may itself lack the memory.
  template <class MakeThrower>
  void fail_by_made(MakeThrower make_thrower) noexcept {
    try {
      fail_by(make_thrower());
    } catch (const std::bad_alloc&) {
      thrower_ = nullptr;
    }
  }
  /// Throws what was said; where nothing was, there was no memory to say it.
  void raise() const {
    if (thrower_ == nullptr) throw std::bad_alloc();
    (*thrower_)();
  }

  /// True if anybody is to be told of the final status.
  bool is_awaited() const noexcept {
    return waiters != nullptr || (part != nullptr && part->ledger != nullptr);
  }
  /// True for a final status that is neither a value nor a cancellation.
  bool has_failed() const noexcept {
    return status() == Status::raised || status() == Status::failed;
  }

  /// What is handed to the worker: the bytes, and the shared block that holds them, if one does.
  struct Arguments {
    std::span<const std::byte> bytes;
    std::span<const std::shared_ptr<const UniqueFd>> descriptors;
    const ArenaBlock* block;
  };
  Arguments arguments() const noexcept {
    if (part == nullptr) return {payload.bytes(), payload.descriptors(), payload.block()};
    const Payload& all = part->batch->bytes;
    const std::size_t begin = part->batch->offset_of(part->first);
    const std::size_t end = part->batch->offset_of(part->first + part->count);
    return {all.bytes().subspan(begin, end - begin), all.descriptors(), all.block()};
  }

  const Function* function;
  Payload payload;                 ///< arguments, then the result
  std::unique_ptr<Part> part;      ///< for a part of a map; it has the arguments
  TaskPolicy policy;               ///< none is the rule
  std::unique_ptr<Payload> thrown; ///< while its user is asked whether it is run again
  std::uint64_t id = 0;            ///< the ticket of its first attempt
  std::uint64_t ticket = 0;        ///< of the current attempt
  std::unique_ptr<LocalTask> local;  ///< for one that a thread of this process runs
  TaskHome* pool = nullptr;        ///< none once the status is final
  std::int64_t submitted_ns = 0;   ///< steady clock; 0: nobody has looked
  /// Until when it must have begun. By the dispatcher.
  std::chrono::steady_clock::time_point expires_at = std::chrono::steady_clock::time_point::max();
  WaiterLink* waiters = nullptr;   ///< who waits for the status, and what is called then
  std::uint32_t generation = 0;    ///< of the process that submitted it
  std::uint32_t pool_number = 0;   ///< of its pool, also once it is done
  std::uint32_t expected_ns = 0;   ///< how long this attempt was expected to run, when delivered
  std::uint16_t attempt = 0;       ///< how often it was handed to a worker, and not returned
  std::uint8_t untouched = 0;      ///< how often its worker died as it was about to begin it
  std::uint8_t name_bytes = 0;     ///< of the arguments, the first: its name, for the worker
  bool can_be_prefetched = true;   ///< behind others, in one worker's hands
  std::atomic<bool> is_given_away{false};  ///< a value that cannot be copied was handed out

 private:
  std::atomic<Status> status_{Status::queued};
  std::unique_ptr<std::function<void()>> thrower_;
};

using TaskRef = std::shared_ptr<Task>;

}  // namespace shoal::pool
