// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "os/fd.hpp"

namespace shoal::os {

/// Who may still write to a shared file once it is sealed. Its size is fixed either way.
enum class Writers {
  those_who_map_it,  ///< whoever holds the descriptor may map it writable
  those_who_mapped,  ///< only the writable maps that exist already (F_SEAL_FUTURE_WRITE)
  nobody,            ///< its bytes never change again (F_SEAL_WRITE)
};

/// Makes an anonymous shared file of `bytes` zero bytes; `name` shows in /proc only.
Result<Fd> create_shared_file(const char* name, std::size_t bytes) noexcept;

/// Fixes the size of `fd` for ever, and who may write.
Result<void> seal(int fd, Writers writers) noexcept;

/// Makes a shared file that holds `bytes` and never changes.
Result<Fd> make_sealed_file(const char* name, std::span<const std::byte> bytes) noexcept;

/// True if `fd` is a shared file whose size can no longer change, and, if `read_only`, whose bytes
/// cannot either. A received descriptor is asked before it is mapped.
bool is_sealed(int fd, bool read_only) noexcept;

/// True if both descriptors stand for the same file.
bool is_same_file(int fd, int other) noexcept;

/// The size of an open file.
Result<std::size_t> file_size(int fd) noexcept;

}  // namespace shoal::os
