// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.hpp"

namespace shoal::os {

/// Which file it is, whatever its names: no other has both numbers while it lives.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

/// What is known of a file without reading it.
struct FileFacts {
  FileId id;
  bool is_regular = false;
  unsigned user = 0;
  unsigned permissions = 0;  ///< as in chmod(2)
  std::size_t bytes = 0;
};

Result<FileFacts> facts_of(int fd) noexcept;
/// Of what stands under that name itself: of a symbolic link those of the link.
Result<FileFacts> facts_of(const char* path) noexcept;

/// True if the file lives in memory alone.
bool is_in_memory(int fd) noexcept;

/// Opens a file for reading and writing: no symbolic link, and without waiting for anybody.
Result<Fd> open_to_share(const char* path) noexcept;

/// Gives the file `from` the name `to`; EEXIST where that is taken.
Result<void> rename_to_unused(const char* from, const char* to) noexcept;

/// Makes a file so long, whatever bound on files there is: it is memory.
Result<void> resize(int fd, std::size_t bytes) noexcept;

/// The names in a folder that begin with `prefix`, and those with `other`.
Result<std::vector<std::string>> list_folder(const char* path, std::string_view prefix,
                                             std::string_view other);

}  // namespace shoal::os
