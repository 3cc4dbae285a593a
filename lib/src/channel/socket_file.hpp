// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "os/files.hpp"

namespace shoal::channel {

/// The name of a listening Unix socket in the file system, and the sole right to it.
///
/// The right is a lock on "<path>.lock", which its holder's death gives back. So a socket that
/// stands there while one has the right was left by somebody who died, and may be removed.
class SocketFile {
 public:
  /// Gets the right to `path`, and removes what a dead listener has left there. Folders that are
  /// missing are made, for this user alone.
  /// @throws Error  another listener has it (address in use); the folder, or what stands there, is
  ///                not this user's; a system call failed
  static SocketFile claim(std::string path);
  /// The same in a new folder of its own, by a name that nobody can guess.
  static SocketFile make();

  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// Says that the socket has been made: remove() is to remove it.
  void made();
  /// Removes the socket, the lock, and a folder of its own. For who has the right only: not in a
  /// forked copy.
  void remove() noexcept;

 private:
  SocketFile(std::string path, os::Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  std::string folder_;  // empty: not of its own
  os::Fd lock_;
  os::FileStatus socket_;
};

}  // namespace shoal::channel
