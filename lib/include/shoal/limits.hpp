// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "shoal/duration.hpp"

namespace shoal {

/// What a process may use. Of a pool: each worker. A task that exceeds one fails alone.
/// Source: setrlimit(2).
struct Limits {
  /// Bytes of private memory beside what the process has when it starts; 0: no limit. Beyond it
  /// allocations throw std::bad_alloc.
  std::size_t memory = 0;
  /// Of a pool: each task's own, after which its worker is ended; of a Process: the whole life's.
  Duration cpu_time = forever;
  /// Descriptors open at once; 0: as the caller's.
  unsigned open_files = 0;
  /// Bytes of the largest file that may be written; 0: no limit.
  std::size_t file_size = 0;
};

}  // namespace shoal
