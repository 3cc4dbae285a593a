// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "os/error.hpp"
#include "shoal/unique_fd.hpp"

namespace shoal::os {

using Fd = UniqueFd;

/// A duplicate of `fd`, close-on-exec.
Result<Fd> duplicate(int fd) noexcept;

/// A duplicate with a number that programs do not reach by opening files: near the limit. What a
/// careless close() or dup2() in a user's code hits is then not ours.
Result<Fd> duplicate_high(int fd) noexcept;

/// Owns `fd`, as one with a number above the standard streams': a host may have those closed, and
/// what it opens or is given in their place must not be ours. An `fd` of -1 stays what it is.
Fd above_streams(int fd) noexcept;

/// Opens `path`, close-on-exec; `flags` as in open(2).
Result<Fd> open_file(const char* path, int flags) noexcept;

/// Makes, or empties, the file `path` for writing.
Result<Fd> create_file(const char* path) noexcept;

/// Reads at most `bytes.size()` bytes; 0 at the end of the file.
Result<std::size_t> read_some(int fd, std::span<std::byte> bytes) noexcept;

/// Reads exactly `bytes.size()` bytes at `offset`, leaving the file's own position alone; ENODATA
/// where the file is shorter.
Result<void> read_at(int fd, std::size_t offset, std::span<std::byte> bytes) noexcept;

/// Writes all of `bytes`.
Result<void> write_all(int fd, std::span<const std::byte> bytes) noexcept;

/// The whole text of a small file such as those under /proc.
Result<std::string> read_text(const char* path);

/// Has `fd` closed by the next exec.
void close_on_exec(int fd) noexcept;

/// True if `fd` is open in this process.
bool is_open(int fd) noexcept;

}  // namespace shoal::os
