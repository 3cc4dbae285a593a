// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.hpp"
#include "os/named_file.hpp"
#include "os/unforked_fd.hpp"

// The files of named shared memory, /dev/shm/shoal.<name>.
//
//   0x0000  NamedHeader: written once, before the file has its name
//   0x1000  what its users have
//
// Two of its bytes are locked, by open file (byte_lock.hpp): kOwned by the process that made it, as
// long as it owns the name; kRemoved by who is about to take the name away.
//
// Invariants:
// 1. A file is complete before it has its name: locked by its owner, given all its pages, with its
//    header. Until then it is called ".shoal-" and a number drawn by lot.
// 2. The owner's open file never leaves its process: it is neither sent nor inherited by a fork nor
//    by an exec. So the kernel drops the lock when that process ends, however it does.
// 3. Nobody locks kOwned of a file that has its name. So who finds it free knows for ever that the
//    owner is dead, or has let go.
// 4. A name is taken from a file only by who holds that file's kRemoved and, while holding it, has
//    seen that the name is that file's; and given only where it is free. So nobody removes a name
//    that another file has got meanwhile.
// 5. Who is killed in between leaves a file that nobody owns, with a name of either kind: the next
//    sweep removes it. A file that its maker has not locked yet may be swept, too: the maker
//    finds it gone and makes another.

namespace shoal::shared {

inline constexpr std::size_t kNamedHeaderBytes = 4 << 10;

/// A file, and its descriptor that may be sent to others.
struct NamedFile {
  os::Fd file;
  os::FileId id;
  std::size_t bytes = 0;  ///< of what its users have
};

/// A new one, and the lock that says that its owner lives.
struct OwnedFile {
  NamedFile named;
  os::UnforkedFd owner;
};

/// @throws std::invalid_argument  no memory may be called that
void check_name(std::string_view name, const char* call);

/// @throws Error  the name is taken   @throws ResourceError  no memory or descriptors are left
OwnedFile create_named(const std::string& name, std::size_t bytes);

/// @throws Error  there is none of that name, or what has it is no memory of this user's
NamedFile open_named(const std::string& name);

/// Takes the name from the file `id`.
/// @throws Error  it has not got it (no_such_file_or_directory), or may not be taken from it
void remove_named(const std::string& name, os::FileId id);

/// True if a received descriptor is one of a named file with so many bytes for its users.
bool is_named_file(int fd, std::size_t bytes) noexcept;

/// Removes what dead processes of this user left, and says so in the log.
void sweep_named();

}  // namespace shoal::shared
