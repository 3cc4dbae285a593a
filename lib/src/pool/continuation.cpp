// SPDX-License-Identifier: Apache-2.0
#include "pool/continuation.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// What goes from one task to the one behind it.
struct Succession {
  std::shared_ptr<ProcessPool> pool;
  TaskRef first;
  TaskRef next;
  std::function<void(Writer&)> encode;
};

Payload encoded(const std::exception_ptr& error) {
  Writer writer;
  serial::encode_exception(writer, error, {});
  return Payload(std::move(writer));
}

// `first` is done. Values are decoded and encoded here, without the engine's lock.
void succeed(const Succession& succession) {
  const auto& [pool, first, next, encode] = succession;
  if (next->is_done()) return;  // cancelled
  if (first->status() != Task::Status::finished) {
    next->fail_by([first = first] { raise_failure(*first); });
    return pool->fail(next, Task::Status::failed, {});
  }
  try {
    Writer arguments(pool->argument_memory());
    encode(arguments);
    pool->feed(next, std::move(arguments));
  } catch (...) {
    pool->fail(next, Task::Status::raised, encoded(std::current_exception()));
  }
}

std::shared_ptr<ProcessPool> find_pool(std::uint32_t number) {
  Engine& engine = Engine::instance();
  const Engine::Lock lock(engine);
  return engine.find(number);
}

}  // namespace

TaskRef follow(const TaskRef& first, const internal::CallTarget& call,
               std::function<void(Writer&)> encode) {
  Engine& engine = Engine::instance();
  auto next = std::make_shared<Task>(engine.functions().intern(call), Payload());
  next->generation = process::Runtime::generation();
  next->pool_number = first->pool_number;
  const std::shared_ptr<ProcessPool> pool = find_pool(first->pool_number);
  auto callback = std::make_unique<Callback>(
      [succession = Succession{pool, first, next, std::move(encode)}] { succeed(succession); });
  if (pool == nullptr || !pool->expect(next)) {
    next->fail_by([name = next->name()] {
      throw PoolClosedError("then of " + name + ": the pool has been shut down");
    });
    next->finish(Task::Status::failed);
    return next;
  }
  engine.call_when_done(*first, std::move(callback));
  return next;
}

bool ProcessPool::expect(const TaskRef& task) {
  const Engine::Lock lock(engine_);
  if (dispatcher_.is_closed()) return false;
  task->pool = this;
  dispatcher_.on_expect(task);
  return true;
}

void ProcessPool::feed(const TaskRef& task, Writer&& arguments) {
  check_descriptors(arguments);
  const bool can_wait_behind_others = can_be_prefetched(arguments);
  Payload payload(std::move(arguments));
  const Engine::Lock lock(engine_);
  if (!dispatcher_.on_arrival(*task)) return;
  task->payload = std::move(payload);
  task->can_be_prefetched = can_wait_behind_others;
  dispatcher_.on_submit(task);
}

// The engine's lock is taken before members change: a cancellation may come in between.
void ProcessPool::fail(const TaskRef& task, Task::Status status, Payload error) {
  const Engine::Lock lock(engine_);
  if (task->is_done()) return;
  task->payload = std::move(error);
  dispatcher_.on_absence(*task, status);
  finish_if_done();
}

}  // namespace shoal::pool
