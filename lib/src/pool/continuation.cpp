// SPDX-License-Identifier: Apache-2.0
#include "pool/continuation.hpp"

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "pool/engine.hpp"
#include "pool/process_pool.hpp"
#include "pool/raise_failure.hpp"
#include "process/runtime.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/error.hpp"
#include "shoal/reader.hpp"

namespace shoal::pool {
namespace {

// What goes from one task to the one behind it.
struct Succession {
  std::shared_ptr<ProcessPool> pool;
  TaskRef first;
  TaskRef next;
  std::function<void(Writer&)> encode;
};

// Throws a copy of its own at each call.
std::function<void()> thrower_of(const std::exception_ptr& error, const std::string& task) {
  auto writer = std::make_shared<Writer>();
  serial::encode_exception(*writer, error, {});
  return [writer, task] {
    Reader reader(writer->bytes());
    serial::throw_exception(reader, task);
  };
}

// The same; none without the memory for it: the task must be failed all the same.
std::function<void()> thrower_or_none(const std::exception_ptr& error, const std::string& task) {
  try {
    return thrower_of(error, task);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// `first` is done. Values are decoded and encoded here, without the engine's lock.
void succeed(const Succession& succession) {
  const auto& [pool, first, next, encode] = succession;
  if (next->is_done()) return;  // cancelled
  if (first->status() != Task::Status::finished) {
    return pool->fail(next, [first = first] { raise_failure(*first); });
  }
  try {
    Writer arguments(pool->argument_memory());
    encode(arguments);
    pool->feed(next, std::move(arguments));
  } catch (...) {
    pool->fail(next, thrower_or_none(std::current_exception(), next->name()));
  }
}

void fail_as_closed(Task& next) {
  next.fail_by([name = next.name()] {
    throw PoolClosedError("then of " + name + ": the pool has been shut down");
  });
  next.finish(Task::Status::failed);
}

// Has `succeed` called once `first` is done; where `home` is none, or has been shut down, `next`
// fails. Once it is expected nothing throws: it would be for ever.
template <class Home>
TaskRef follow(const TaskRef& first, TaskRef next, Home* home, std::function<void()> succeed) {
  auto callback = std::make_unique<Callback>(std::move(succeed));
  if (home == nullptr || !home->expect(next)) {
    fail_as_closed(*next);
  } else {
    Engine::instance().call_when_done(*first, std::move(callback));
  }
  return next;
}

// A local task that no pool is left for.
TaskRef make_homeless(const internal::CallTarget& target) {
  auto task = std::make_shared<Task>(Engine::instance().functions().intern(target), Payload());
  task->generation = process::Runtime::generation();
  task->local = std::make_unique<LocalTask>();
  return task;
}

void succeed_locally(LocalHome& home, const TaskRef& first, const TaskRef& next) {
  if (first->status() != Task::Status::finished) {
    return home.fail(next, [first] { raise_failure(*first); });
  }
  try {
    home.feed(next);
  } catch (const std::bad_alloc&) {
    home.fail(next, [] { throw std::bad_alloc(); });
  }
}

std::shared_ptr<ProcessPool> find_pool(std::uint32_t number) {
  Engine& engine = Engine::instance();
  const Engine::Lock lock(engine);
  return engine.find(number);
}

}  // namespace

TaskRef add_successor(const TaskRef& first, const internal::CallTarget& call,
                      std::function<void(Writer&)> encode) {
  auto next = std::make_shared<Task>(Engine::instance().functions().intern(call), Payload());
  next->generation = process::Runtime::generation();
  next->pool_number = first->pool_number;
  const std::shared_ptr<ProcessPool> pool = find_pool(first->pool_number);
  return follow(
      first, next, pool.get(),
      [succession = Succession{pool, first, next, std::move(encode)}] { succeed(succession); });
}

TaskRef add_local_successor(const TaskRef& first, const internal::CallTarget& target,
                            std::unique_ptr<internal::LocalCall> call) {
  const std::shared_ptr<LocalHome> home = first->local->home.lock();
  const TaskRef next =
      home == nullptr ? make_homeless(target) : home->make_task(target, std::move(call));
  return follow(first, next, home.get(),
                [home, first, next] { succeed_locally(*home, first, next); });
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
  if (task->is_done()) return;  // cancelled meanwhile
  task->payload = std::move(payload);
  task->can_be_prefetched = can_wait_behind_others;
  dispatcher_.on_arrival(task);
}

void ProcessPool::fail(const TaskRef& task, std::function<void()> thrower) {
  const Engine::Lock lock(engine_);
  if (task->is_done()) return;  // cancelled meanwhile
  if (thrower != nullptr) task->fail_by(std::move(thrower));
  dispatcher_.on_absence(*task);
  finish_if_done();
}

}  // namespace shoal::pool
