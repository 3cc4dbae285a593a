// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "pool/waiter.hpp"

namespace shoal::pool {

class Task;

/// What all parts of one map are entered in as they end, for those who wait for the whole of it, or
/// for whichever part ends next. Under the engine's lock.
struct Ledger {
  Ledger() = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  /// Enters a part whose status is final, and takes it over if parts are wanted one by one. True if
  /// that is news for those who wait.
  bool enter(Task& task);
  /// Takes out the part that has ended first of those that are here; none if there is none.
  std::shared_ptr<Task> take();

  std::size_t unsettled = 0;          ///< elements
  std::size_t failures = 0;           ///< elements without a value
  bool gives_parts = false;           ///< one by one
  bool is_forgotten = false;          ///< nobody asks for what its parts give
  std::shared_ptr<Task> first_ended;  ///< the others behind it by Part::next_ended
  Task* last_ended = nullptr;
  WaiterLink* waiters = nullptr;
};

}  // namespace shoal::pool
