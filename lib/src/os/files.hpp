// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "os/fd.hpp"

namespace shoal::os {

enum class FileKind { missing, folder, socket, regular, other };

/// What stands under a name, or behind a descriptor.
struct FileStatus {
  FileKind kind = FileKind::missing;
  unsigned mode = 0;  ///< the rights, with the sticky bit
  unsigned owner = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;

  bool is_same_file(const FileStatus& other) const noexcept {
    return kind != FileKind::missing && device == other.device && inode == other.inode;
  }
};

enum class Links { follow, keep };

/// Looks at a name; one that is not there is no failure.
Result<FileStatus> status_of(const char* path, Links links = Links::keep) noexcept;
Result<FileStatus> status_of(int fd) noexcept;

/// Makes a folder that only its owner may use, whatever the umask. One that is there fails.
Result<void> make_private_folder(const char* path) noexcept;
/// Makes one with a random name that begins with `prefix`, and gives its name.
Result<std::string> make_random_folder(const std::string& prefix);
/// Opens, or makes, a file that only its owner may use; a symbolic link fails.
Result<Fd> open_private_file(const char* path) noexcept;
/// Sets the rights of what stands under a name.
Result<void> set_mode(const char* path, unsigned mode) noexcept;
Result<void> remove_file(const char* path) noexcept;
/// Removes an empty folder; false if it could not.
bool remove_folder(const char* path) noexcept;

/// Locks an open file for this process and who has the descriptor from it (flock); false while
/// others have it. Given back as the last descriptor is closed.
Result<bool> try_lock_file(int fd) noexcept;

/// The user as whom this process acts.
unsigned effective_user() noexcept;

}  // namespace shoal::os
