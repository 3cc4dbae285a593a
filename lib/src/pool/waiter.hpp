// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>

#include "shoal/duration.hpp"

namespace shoal::pool {

struct Waiter;

/// A place in the list of those who wait for one task; once that is done, in the list of what its
/// waiter has got. Under the engine's lock.
struct WaiterLink {
  Waiter* waiter = nullptr;  ///< none: it is a Callback
  WaiterLink* next = nullptr;
  std::size_t index = 0;  ///< which of its waiter's tasks it stands at
};

inline void add_link(WaiterLink*& list, WaiterLink& link) noexcept {
  link.next = list;
  list = &link;
}
/// Takes `link` out of `list`, if it is there.
inline void remove_link(WaiterLink*& list, const WaiterLink& link) noexcept {
  for (WaiterLink** at = &list; *at != nullptr; at = &(*at)->next) {
    if (*at != &link) continue;
    *at = link.next;
    return;
  }
}

/// A thread that waits for tasks to finish: for one, or, by a link at each, for several. Under the
/// engine's lock.
struct Waiter {
  std::condition_variable wake;
  std::size_t wanted = 1;            ///< how many of its tasks must still finish before it goes on
  bool ends_at_failure = false;      ///< or the first that fails
  bool is_called = false;            ///< it has what it wanted, or is to collect
  Duration spin{0};                  ///< how long it polls before it sleeps
  WaiterLink* first_done = nullptr;  ///< links at the tasks that are done, in their order
  WaiterLink* last_done = nullptr;

  /// The task that `link` stands at is done.
  void arrive(WaiterLink& link, bool has_failed) noexcept {
    link.next = nullptr;
    (last_done == nullptr ? first_done : last_done->next) = &link;
    last_done = &link;
    if (wanted > 0) --wanted;
    if (has_failed && ends_at_failure) wanted = 0;
  }
  /// Takes the first of what is done out of the list, if there is any.
  WaiterLink* take() noexcept {
    WaiterLink* const link = first_done;
    if (link == nullptr) return nullptr;
    first_done = link->next;
    if (first_done == nullptr) last_done = nullptr;
    return link;
  }
};

/// What is called on the notifier thread once a task is done: owned by the list it stands in.
struct Callback : WaiterLink {
  explicit Callback(std::function<void()> fn) : call(std::move(fn)) {}
  std::function<void()> call;
};

}  // namespace shoal::pool
