// SPDX-License-Identifier: Apache-2.0
#include "shared/object_file.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "base/or_resource_error.hpp"
#include "os/memfd.hpp"
#include "shoal/error.hpp"
#include "sync/hardware.hpp"

namespace shoal::shared {
namespace {

constexpr std::array<const char*, kKinds> kNames{
    "",      "Queue",    "Lock",  "Semaphore", "Condition", "Event",     "Barrier",
    "Value", "RawValue", "Array", "RawArray",  "Atomic",    "SharedHeap"};

[[noreturn]] void fail_foreign(const char* reason) {
  throw CodecError(std::string("a handle's memory is not that of its object: ") + reason);
}

void check(const ObjectHeader& header, ObjectId id, std::size_t size) {
  if (header.magic != kObjectMagic) fail_foreign("it is none of shoal's");
  if (header.version != kObjectVersion) {
    fail_foreign("its version is another; both programs must be built with the same shoal");
  }
  const auto kind = static_cast<std::uint32_t>(header.kind);
  if (kind == 0 || kind >= kKinds) fail_foreign("nobody knows what it is");
  if (header.id != id || header.bytes != size) fail_foreign("it is another's");
}

}  // namespace

const char* name_of(Kind kind) noexcept { return kNames[static_cast<std::uint32_t>(kind)]; }

NewObjectFile create_object_file(ObjectId id, Kind kind, std::uint64_t type, std::size_t bytes) {
  const std::string attempt = std::string("cannot make a ") + name_of(kind);
  const std::size_t size = kHeaderBytes + bytes;
  os::Fd fd = base::or_resource_error(os::create_shared_file(kObjectName, size), attempt);
  base::or_resource_error(os::seal(fd.get(), os::Writers::those_who_map_it), attempt);
  auto mapping = std::make_shared<const memory::Mapping>(base::or_resource_error(
      memory::Mapping::map(fd.get(), size, memory::Access::read_write), attempt));
  NewObjectFile made{{id, kind, type, std::move(mapping), nullptr},
                     std::make_shared<const UniqueFd>(std::move(fd))};
  made.file.page().header = {kObjectMagic, kObjectVersion, kind, id, size, type};
  return made;
}

ObjectFile map_object_file(int fd, ObjectId id) {
  const auto size = os::file_size(fd);
  if (!size || *size < kHeaderBytes) fail_foreign("it is no shared file");
  os::Result<memory::Mapping> mapped =
      memory::Mapping::map_foreign(fd, *size, memory::Access::read_write);
  if (!mapped && mapped.error().error == EPROTO) fail_foreign("it is not sealed");
  auto mapping = std::make_shared<const memory::Mapping>(
      base::or_resource_error(std::move(mapped), "cannot map a shared object"));
  ObjectHeader header;
  sync::Hardware::read(&header, mapping->data(), sizeof header);
  check(header, id, *size);
  return {id, header.kind, header.type, std::move(mapping), nullptr};
}

}  // namespace shoal::shared
