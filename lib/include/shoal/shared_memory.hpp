// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "shoal/codec.hpp"

namespace shoal {

/// Bytes that processes have in common: one of them creates the memory, others get it as an
/// argument, a result or a message, or attach to it by its name.
///
/// What nobody names is sealed: its size never changes, and it goes with its last holder, however
/// that ends. What has a name is the file /dev/shm/shoal.<name>, open to its user alone. It belongs
/// to the process that created it, and is removed by unlink(), by anybody; as that process ends,
/// with a warning in the log; or, if that process is killed, by whoever next creates, attaches,
/// closes or unlinks a named one, or is told of the death by its own Process or pool, with a
/// warning there. Who has it mapped keeps it. A process that executes another program has ended.
///
/// All memory is there from the start: a machine that has too little says so at create(). Only
/// processes of the same user reach a named one; what one of them cuts short by truncate(2) is a
/// SIGBUS for the others, which seals rule out for what has no name.
///
/// A handle: copies are the same one, and it may be an argument, a result or a member of one; it
/// works also after unlink(). Two handles of one memory in a process share its place there. In a
/// copy of the process made by a bare fork() its members throw ClosedError.
/// Safe from many threads and processes; what they do to the bytes is theirs to order.
/// Source: Python multiprocessing.shared_memory.SharedMemory.
class SharedMemory {
 public:
  /// Makes so many bytes of memory without a name, zeroed.
  /// @throws std::invalid_argument  `bytes` is 0, or more than a program can address
  /// @throws ResourceError  no memory or descriptors are left
  static SharedMemory create(std::size_t bytes);
  /// Makes memory that others find by its name; this process owns that.
  /// @param name  without '/', of 1 to 249 bytes
  /// @throws std::invalid_argument  as above, or of the name   @throws ResourceError  as above
  /// @throws Error  (file_exists) the name is taken, by whatever
  static SharedMemory create(std::size_t bytes, std::string_view name);

  /// Gives the memory of that name.
  /// @throws std::invalid_argument  of the name   @throws ResourceError  as create()
  /// @throws Error  (no_such_file_or_directory) there is none; (permission_denied) what is called
  ///                that is not this user's alone, or no plain file
  static SharedMemory attach(std::string_view name);

  /// Gives the bytes, valid until close() or the last copy goes.
  /// @throws ClosedError  close() was called
  std::span<std::byte> span() const;
  /// Gives the name, empty if it has none; also after close() and unlink().
  const std::string& name() const;
  /// Says how many bytes there are; also after close().
  std::size_t size() const;

  /// Gives this handle and its copies up: the bytes are no longer mapped here, unless another
  /// handle has them. Named memory goes on under its name.
  void close() const;
  /// Takes the name away; who has the memory keeps it.
  /// @throws Error  (no_such_file_or_directory) it has none, or no longer
  void unlink() const;

 private:
  struct State;
  friend struct Codec<SharedMemory>;

  explicit SharedMemory(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

template <>
struct Codec<SharedMemory> {
  static void encode(Writer& writer, const SharedMemory& memory);
  static SharedMemory decode(Reader& reader);
};

}  // namespace shoal
