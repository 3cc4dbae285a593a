// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "memory/mapping.hpp"
#include "os/fd.hpp"
#include "shared/object_layout.hpp"

namespace shoal::shared {

/// How the files of shared objects are called in /proc.
inline constexpr const char* kObjectName = "shoal-object";

/// The file of one object, mapped; as a hub or an Object has it.
struct ObjectFile {
  ObjectId id;
  Kind kind = Kind::queue;
  std::uint64_t type = 0;
  std::shared_ptr<const memory::Mapping> mapping;
  std::shared_ptr<const UniqueFd> bell;  ///< none: it has none

  ObjectPage& page() const noexcept { return *reinterpret_cast<ObjectPage*>(mapping->data()); }
};

/// An object's file, and the descriptor that stands for it.
struct NewObjectFile {
  ObjectFile file;
  std::shared_ptr<const UniqueFd> descriptor;
};

/// Makes the file of a new object: `bytes` zeros behind the header.
/// @throws ResourceError  no memory or descriptors are left
NewObjectFile create_object_file(ObjectId id, Kind kind, std::uint64_t type, std::size_t bytes);

/// Maps a file that somebody else sent, and checks that it is the object `id`.
/// @throws CodecError     it is not   @throws ResourceError  no memory is left
ObjectFile map_object_file(int fd, ObjectId id);

}  // namespace shoal::shared
