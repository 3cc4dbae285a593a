// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "os/error.hpp"

namespace shoal::os {

/// What the kernel bounds for one process.
enum class Resource {
  private_memory,  ///< bytes of writable private maps, stacks aside (RLIMIT_DATA)
  cpu_time,        ///< seconds since the process was forked; then SIGXCPU, a second later SIGKILL
  descriptors,     ///< numbers that new descriptors may have
  file_size,       ///< bytes of a file that may be written; then EFBIG, and no SIGXFSZ
};

/// One such bound.
struct Bound {
  Resource resource;
  std::uint64_t value;
};

/// Bounds the calling process; a tighter bound that holds already is kept, except that of
/// descriptors, where the caller expects to have as many as it said (EPERM if it may not).
Result<void> set_bound(const Bound& bound) noexcept;

/// The most that this process may set for itself.
Result<std::uint64_t> highest_bound(Resource resource) noexcept;

/// Bytes of private memory as Resource::private_memory counts them.
Result<std::uint64_t> private_memory();

/// Lifts the bound on file sizes while it lives, as far as the process may: shared memory is a file
/// to the kernel and not to users.
class FileSizeExemption {
 public:
  FileSizeExemption() noexcept;
  ~FileSizeExemption();
  FileSizeExemption(const FileSizeExemption&) = delete;
  FileSizeExemption& operator=(const FileSizeExemption&) = delete;

 private:
  std::uint64_t bound_ = 0;
  bool is_lifted_ = false;
};

}  // namespace shoal::os
