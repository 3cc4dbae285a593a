// SPDX-License-Identifier: Apache-2.0
#include "shoal/wait_any.hpp"

#include <algorithm>

#include "os/event.hpp"
#include "shared/queue_state.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using QueueState = internal::QueueHandle::State;

bool is_ready(QueueState& queue) {
  static_cast<void>(queue.self("wait_any"));
  const shared::QueueRing::Count count = queue.ring.count();
  if (count.put != count.got || queue.ring.is_closed()) return true;
  if (queue.is_hub_alive()) return false;
  queue.close();
  return true;
}

// Has the queue's bell rung by whoever puts next; true if there is something already.
bool arm(QueueState& queue) {
  if (is_ready(queue)) return true;
  os::silence(queue.bell());
  queue.queue.page().watchers.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in State::announce
  return is_ready(queue);
}

}  // namespace

Waitable::Waitable(const Connection& connection)
    : fd_(connection.fileno()), owner_(std::make_shared<const Connection>(connection)) {}

Waitable::Waitable(const Listener& listener)
    : fd_(listener.waitable_fd()), owner_(std::make_shared<const Listener>(listener)) {}

std::vector<std::size_t> wait_any(std::span<const Waitable> things, Duration timeout) {
  const base::Deadline deadline = base::Deadline::in(timeout);
  std::vector<int> fds;
  for (const Waitable& thing : things) {
    fds.push_back(thing.queue_ ? thing.queue_->bell() : thing.fd_);
  }
  const bool has_queue = std::any_of(things.begin(), things.end(),
                                     [](const Waitable& thing) { return thing.queue_ != nullptr; });
  for (;;) {
    bool is_one_ready = false;
    for (const Waitable& thing : things) {
      if (thing.queue_ && arm(*thing.queue_)) is_one_ready = true;
    }
    // Somebody else may have heard a bell and silenced it, having left what it rang for.
    const base::Deadline until = is_one_ready ? base::Deadline::now()
                                 : has_queue  ? shared::Object::second_look(deadline)
                                              : deadline;
    const auto readable = os::wait_readable(fds, until);
    if (!readable) {
      throw Error(std::error_code(readable.error().error, std::generic_category()),
                  "wait_any: " + readable.error().to_string());
    }
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < things.size(); ++i) {
      const bool is_readable = std::binary_search(readable->begin(), readable->end(), i);
      if (things[i].queue_ ? is_ready(*things[i].queue_) : is_readable) ready.push_back(i);
    }
    if (!ready.empty() || deadline.is_past()) return ready;
  }
}

}  // namespace shoal
