// SPDX-License-Identifier: Apache-2.0
#include "pool/raise_failure.hpp"

#include <stdexcept>

#include "process/runtime.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/reader.hpp"

namespace shoal::pool {

void raise_failure(const Task& task) {
  switch (task.status()) {
    case Task::Status::finished:
      return;
    case Task::Status::raised: {
      const std::span<const std::byte> bytes = task.payload.bytes();
      const bool is_part = task.part != nullptr;
      Reader reader(is_part ? bytes.last(task.part->error_bytes) : bytes,
                    task.payload.descriptors());
      serial::throw_exception(reader, task.name());
    }
    default:
      task.raise();
  }
}

void check_generation(const Task& task) {
  if (task.generation == process::Runtime::generation()) return;
  throw std::logic_error(
      "Future: it belongs to the process that this one was forked from, which alone gets its "
      "result");
}

}  // namespace shoal::pool
