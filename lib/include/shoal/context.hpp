// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <type_traits>

#include "shoal/start_method.hpp"

namespace shoal {

template <class T>
class Array;
template <class T>
class Atomic;
class Barrier;
class BoundTask;
class BoundedSemaphore;
class Condition;
class Event;
class Lock;
template <class T>
class JoinableQueue;
class Pool;
class Process;
class ProcessPoolExecutor;
class RLock;
template <class T>
class RawArray;
template <class T>
class RawValue;
class Semaphore;
template <class T>
class SharedArray;
struct ProcessOptions;
template <class T>
class Queue;
template <class T>
class SimpleQueue;
template <class T>
class Value;

/// Makes processes, pools and channels that are tied to one start method.
/// A default-made Context follows get_start_method() at the moment of use. A small value: copies
/// are equal and independent. Safe from many threads. Source: Python multiprocessing.get_context.
class Context {
 public:
  Context() = default;
  /// @throws std::invalid_argument  `method` is no StartMethod
  explicit Context(StartMethod method);

  /// Gives the method this context starts its processes by.
  StartMethod get_start_method() const;

  /// Makes a Process that will be started by this context's method (defined in process.hpp).
  template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, ProcessOptions>) Process
      process(F&& fn, Args&&... args)
  const;
  template <class F, class... Args>
  Process process(ProcessOptions options, F&& fn, Args&&... args) const;

  /// Makes an executor whose workers are started by this context's method (defined in
  /// process_pool_executor.hpp).
  ProcessPoolExecutor executor(unsigned max_workers) const;
  /// Makes a Pool, likewise (defined in pool.hpp).
  Pool pool(unsigned processes) const;

  /// Make what processes share, whatever starts them (each defined in the header of that name; an
  /// RLock in lock.hpp, a BoundedSemaphore in semaphore.hpp).
  Lock lock() const;
  RLock rlock() const;
  Semaphore semaphore(unsigned value = 1) const;
  BoundedSemaphore bounded_semaphore(unsigned value = 1) const;
  Condition condition() const;
  Event event() const;
  Barrier barrier(unsigned parties) const;
  Barrier barrier(unsigned parties, BoundTask action) const;
  template <class T>
  SharedArray<T> shared_array(std::size_t size) const;

  /// Makes queues (defined in queue.hpp). They work with processes of any start method.
  template <class T>
  Queue<T> queue(std::size_t maxsize = 0) const;
  template <class T>
  JoinableQueue<T> joinable_queue(std::size_t maxsize = 0) const;
  template <class T>
  SimpleQueue<T> simple_queue() const;

  /// Make plain memory that processes share (defined in value.hpp, array.hpp and atomic.hpp). What
  /// array() takes is what the constructors of Array take.
  template <class T>
  Value<T> value(const T& initial = T()) const;
  template <class T>
  RawValue<T> raw_value(const T& initial = T()) const;
  template <class T, class... Args>
  Array<T> array(Args&&... args) const;
  template <class T>
  Array<T> array(std::initializer_list<T> elements) const;
  template <class T, class... Args>
  RawArray<T> raw_array(Args&&... args) const;
  template <class T>
  RawArray<T> raw_array(std::initializer_list<T> elements) const;
  template <class T>
  Atomic<T> atomic(T initial = T()) const;

  friend bool operator==(const Context&, const Context&) = default;

 private:
  std::optional<StartMethod> method_;
};

/// Gives the context of one start method.
/// @throws std::invalid_argument  `method` is no StartMethod
Context get_context(StartMethod method);

}  // namespace shoal
