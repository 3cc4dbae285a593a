// SPDX-License-Identifier: Apache-2.0
#include "pool/ledger.hpp"

#include <utility>

#include "pool/task.hpp"

namespace shoal::pool {

// One by one: each would take the next one down in its destructor.
Ledger::~Ledger() {
  while (first_ended != nullptr) first_ended = std::move(first_ended->part->next_ended);
}

bool Ledger::enter(Task& task) {
  Part& part = *task.part;
  unsettled -= part.count;
  failures += part.count - part.done;
  TaskRef self = std::move(part.self);
  if (!gives_parts) return unsettled == 0;
  (last_ended == nullptr ? first_ended : last_ended->part->next_ended) = std::move(self);
  last_ended = &task;
  return true;
}

std::shared_ptr<Task> Ledger::take() {
  if (first_ended == nullptr) return nullptr;
  TaskRef task = std::exchange(first_ended, nullptr);
  first_ended = std::move(task->part->next_ended);
  if (first_ended == nullptr) last_ended = nullptr;
  return task;
}

}  // namespace shoal::pool
