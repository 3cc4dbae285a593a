// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/queue_handle.hpp"
#include "shoal/type_hash.hpp"

namespace shoal {

template <class T>
class JoinableQueue;

/// A queue of values between any number of processes and threads, first in, first out.
///
///     Queue<std::string> q;
///     q.put("work");                      // here, or in any process that has a handle
///     std::string s = q.get();
///
/// A handle: copies are the same queue, and it may be an argument, a result or a member of one, of
/// other queues' messages, too. What is put is encoded at once, in the caller; values of one
/// producer come in their order.
///
/// A process killed inside put() or get(), at any instruction, leaves the queue whole: the value is
/// in it or not, and nobody else waits for longer. What a process had got dies with it. The queue
/// belongs to the process that made it: once that is dead, what is in the queue can still be got,
/// then everybody is told ClosedError. In a copy of a process made by a bare fork() its members
/// throw ClosedError.
///
/// Shape: at most `maxsize` values, and 64 MiB of them: a value takes as many pieces of 1008 bytes
/// as its encoding fills, of 65536. Cost: one copy in, one out; a system call only if somebody
/// sleeps. Who shares a queue trusts the others: any of them can destroy what is in it, though
/// nobody else's memory. Safe from many threads and processes. Source: Python
/// multiprocessing.Queue; algorithm in lib/src/channel/ring_layout.hpp.
template <class T>
class Queue {
 public:
  using value_type = T;

  /// Makes a queue for up to `maxsize` values; 0: 32768.
  /// @throws std::invalid_argument  more than 61440   @throws ResourceError  no memory or
  /// descriptors are left
  Queue() : Queue(std::size_t{0}) {}
  explicit Queue(std::size_t maxsize) : Queue({.type = type_hash<T>(), .maxsize = maxsize}) {}

  /// Puts `value` at the end, waiting while there is no room for it.
  /// @throws ClosedError    the queue was closed, or the process that made it is dead
  /// @throws CodecError     the value cannot be sent
  /// @throws ResourceError  the value is larger than all of the queue's memory
  void put(const T& value) const { put_for(value, forever); }
  /// Likewise; false if there was no room until `timeout` had passed.
  bool put_for(const T& value, Duration timeout) const {
    Writer message;
    message.put<T>(value);
    return handle_.put(message, timeout);
  }
  /// Likewise; false if there is no room now.
  bool try_put(const T& value) const { return put_for(value, Duration::zero()); }

  /// Takes the oldest value, waiting for one.
  /// @throws ClosedError  the queue was closed, or the process that made it is dead, and nothing is
  /// left   @throws CodecError  the value cannot be decoded, or somebody scribbled; it is gone
  T get() const { return *get_for(forever); }
  /// Likewise; none if there was nothing until `timeout` had passed.
  std::optional<T> get_for(Duration timeout) const {
    const internal::QueueMessage message = handle_.get(timeout);
    if (!message) return std::nullopt;
    Reader reader = message.reader();
    std::optional<T> value(reader.get<T>());
    reader.finish();
    return value;
  }
  /// Likewise; none if there is nothing now.
  std::optional<T> try_get() const { return get_for(Duration::zero()); }

  /// How many values are in the queue: exact at the moment of the look.
  std::size_t qsize() const { return handle_.size(); }
  bool empty() const { return handle_.size() == 0; }
  /// True if `maxsize` values are in the queue.
  bool full() const { return handle_.size() >= handle_.maxsize(); }
  std::size_t maxsize() const { return handle_.maxsize(); }

  /// Ends the queue, for all processes: from now on put() throws ClosedError; get() gives what is
  /// there, then throws it too, also to those who wait. Does nothing the second time.
  void close() const { handle_.close(); }
  bool closed() const { return handle_.is_closed(); }

 protected:
  friend struct Codec<Queue>;
  friend struct Codec<JoinableQueue<T>>;
  friend class Waitable;
  explicit Queue(const internal::QueueHandle::Make& make) : handle_(make) {}
  explicit Queue(internal::QueueHandle handle) : handle_(std::move(handle)) {}

  internal::QueueHandle handle_;
};

template <class T>
struct Codec<Queue<T>> {
  static void encode(Writer& writer, const Queue<T>& queue) { queue.handle_.encode(writer); }
  static Queue<T> decode(Reader& reader) {
    return Queue<T>(internal::QueueHandle::decode(reader, {.type = type_hash<T>()}));
  }
};

/// A Queue that knows when everything in it has been dealt with: who got a value says task_done()
/// once for it, and join() waits until all are. As a Queue, it is one.
///
/// task_done() is for the process that got the value: what a process had got and not reported when
/// it died counts as done, so that join() waits for nobody who is dead.
/// Source: Python multiprocessing.JoinableQueue.
template <class T>
class JoinableQueue : public Queue<T> {
 public:
  /// As Queue.
  JoinableQueue() : JoinableQueue(std::size_t{0}) {}
  explicit JoinableQueue(std::size_t maxsize)
      : Queue<T>({.type = type_hash<T>(), .maxsize = maxsize, .counts_done = true}) {}

  /// Says that a value that was got has been dealt with.
  /// @throws std::logic_error  said more often than values were put
  void task_done() const { this->handle_.task_done(); }
  /// Waits until everything that was put has been dealt with.
  /// @throws ClosedError  the process that made the queue is dead
  void join() const { this->handle_.join(forever); }
  /// Likewise; false if `timeout` passed first.
  bool join_for(Duration timeout) const { return this->handle_.join(timeout); }

 private:
  friend struct Codec<JoinableQueue>;
  explicit JoinableQueue(internal::QueueHandle handle) : Queue<T>(std::move(handle)) {}
};

template <class T>
struct Codec<JoinableQueue<T>> {
  static void encode(Writer& writer, const JoinableQueue<T>& queue) {
    queue.handle_.encode(writer);
  }
  static JoinableQueue<T> decode(Reader& reader) {
    return JoinableQueue<T>(
        internal::QueueHandle::decode(reader, {.type = type_hash<T>(), .counts_done = true}));
  }
};

/// A Queue with the least there is to it. Source: Python multiprocessing.SimpleQueue.
template <class T>
class SimpleQueue {
 public:
  using value_type = T;

  /// As Queue, for 32768 values.
  SimpleQueue() = default;

  void put(const T& value) const { queue_.put(value); }
  T get() const { return queue_.get(); }
  bool empty() const { return queue_.empty(); }
  void close() const { queue_.close(); }
  bool closed() const { return queue_.closed(); }

 private:
  friend struct Codec<SimpleQueue>;
  friend class Waitable;
  explicit SimpleQueue(Queue<T> queue) : queue_(std::move(queue)) {}

  Queue<T> queue_;
};

template <class T>
struct Codec<SimpleQueue<T>> {
  static void encode(Writer& writer, const SimpleQueue<T>& queue) { writer.put(queue.queue_); }
  static SimpleQueue<T> decode(Reader& reader) { return SimpleQueue<T>(reader.get<Queue<T>>()); }
};

template <class T>
Queue<T> Context::queue(std::size_t maxsize) const {
  return Queue<T>(maxsize);
}

template <class T>
JoinableQueue<T> Context::joinable_queue(std::size_t maxsize) const {
  return JoinableQueue<T>(maxsize);
}

template <class T>
SimpleQueue<T> Context::simple_queue() const {
  return SimpleQueue<T>();
}

}  // namespace shoal
