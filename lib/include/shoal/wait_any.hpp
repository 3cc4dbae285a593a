// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "shoal/connection.hpp"
#include "shoal/duration.hpp"
#include "shoal/listener.hpp"
#include "shoal/process.hpp"
#include "shoal/queue.hpp"

namespace shoal {

/// Something that wait_any() can wait for. Keeps a handle of what it was made from, but for a
/// Process and a descriptor, which must outlive it.
class Waitable {
 public:
  /// Ready when the descriptor is readable, or its other end is gone.
  Waitable(int fd) : fd_(fd) {}
  /// Ready when there is something to receive, or the stream has ended.
  /// @throws ClosedError  this end is closed
  Waitable(const Connection& connection);
  /// Ready when a client waits, or one that is being let in has said something: accept() may wait
  /// all the same, accept_for() is for that. @throws ClosedError  it is closed
  Waitable(const Listener& listener);
  /// Ready when the process has ended. @throws std::logic_error  it was not started
  Waitable(const Process& process) : fd_(process.sentinel()) {}
  /// Ready when there is something to get, or the queue was closed.
  template <class T>
  Waitable(const Queue<T>& queue) : queue_(queue.handle_.state()) {}
  template <class T>
  Waitable(const SimpleQueue<T>& queue) : Waitable(queue.queue_) {}

 private:
  friend std::vector<std::size_t> wait_any(std::span<const Waitable> things, Duration timeout);

  int fd_ = -1;
  std::shared_ptr<const void> owner_ = nullptr;  // of the descriptor
  std::shared_ptr<internal::QueueHandle::State> queue_ = nullptr;
};

/// Waits until at least one of `things` is ready and gives the indices of all that are, in their
/// order; none when `timeout` has passed first.
/// A hint: another reader may be faster. What is ready stays so until somebody takes it.
/// @throws Error  a descriptor is not open   @throws ClosedError  a queue's handle was made before
/// a fork() Source: Python multiprocessing.connection.wait.
std::vector<std::size_t> wait_any(std::span<const Waitable> things, Duration timeout = forever);
inline std::vector<std::size_t> wait_any(std::initializer_list<Waitable> things,
                                         Duration timeout = forever) {
  return wait_any(std::span(things.begin(), things.size()), timeout);
}

}  // namespace shoal
