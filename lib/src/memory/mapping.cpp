// SPDX-License-Identifier: Apache-2.0
#include "memory/mapping.hpp"

#include <boost/interprocess/exceptions.hpp>

#include "os/memory.hpp"

namespace shoal::memory {
namespace {

namespace bip = boost::interprocess;

// A memfd in the shape that Boost.Interprocess maps ("MemoryMappable").
struct MappableFile {
  int fd;
  bip::mode_t mode;
  bip::mapping_handle_t get_mapping_handle() const noexcept { return {fd, false}; }
  bip::mode_t get_mode() const noexcept { return mode; }
};

bip::mode_t mode_of(Access access) noexcept {
  switch (access) {
    case Access::read_only:
      return bip::read_only;
    case Access::read_write:
      return bip::read_write;
    case Access::private_copy:
      return bip::copy_on_write;
  }
  return bip::read_only;
}

}  // namespace

os::Result<Mapping> Mapping::map(int fd, std::size_t size, Access access) {
  try {
    bip::mapped_region region(MappableFile{fd, mode_of(access)}, mode_of(access), 0, size);
    os::keep_from_children(region.get_address(), region.get_size());
    return Mapping(std::move(region));
  } catch (const bip::interprocess_exception& error) {
    return os::failure(error.get_native_error(), "mmap", "%d, %zu bytes", fd, size);
  }
}

}  // namespace shoal::memory
