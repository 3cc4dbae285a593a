// SPDX-License-Identifier: Apache-2.0
#include "memory/mapping.hpp"

#include <boost/interprocess/exceptions.hpp>

#include "os/fork_generation.hpp"
#include "os/memfd.hpp"
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

Mapping::Mapping(bip::mapped_region region, Access access)
    : region_(std::move(region)),
      is_inherited_(access == Access::private_copy),
      generation_(os::fork_generation()) {
  if (!is_inherited_) os::keep_from_children(region_.get_address(), region_.get_size());
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  Mapping old(std::move(*this));
  region_ = std::move(other.region_);
  is_inherited_ = other.is_inherited_;
  generation_ = other.generation_;
  return *this;
}

Mapping::~Mapping() {
  if (is_inherited_ || generation_ == os::fork_generation()) return;
  // Nothing of ours is mapped there in this process; by now it may be somebody else's memory.
  static_cast<void>(new bip::mapped_region(std::move(region_)));
}

os::Result<Mapping> Mapping::map(int fd, std::size_t size, Access access) {
  try {
    return Mapping(bip::mapped_region(MappableFile{fd, mode_of(access)}, mode_of(access), 0, size),
                   access);
  } catch (const bip::interprocess_exception& error) {
    return os::failure(error.get_native_error(), "mmap", "%d, %zu bytes", fd, size);
  }
}

namespace {

// The seals come first: before them, the size could change once it has been read.
os::Result<void> check_sealed(int fd, std::size_t size, bool read_only) {
  const os::Result<std::size_t> actual =
      os::is_sealed(fd, read_only) ? os::file_size(fd) : os::Result<std::size_t>(std::size_t{0});
  if (actual && *actual == size && size > 0) return {};
  return os::failure(EPROTO, "mmap", "%d: not a sealed file of %zu bytes", fd, size);
}

}  // namespace

os::Result<Mapping> Mapping::map_sealed(int fd, std::size_t size) {
  const os::Result<void> checked = check_sealed(fd, size, true);
  if (!checked) return checked.error();
  return map(fd, size, Access::private_copy);
}

os::Result<Mapping> Mapping::map_foreign(int fd, std::size_t size, Access access) {
  const os::Result<void> checked = check_sealed(fd, size, false);
  if (!checked) return checked.error();
  return map(fd, size, access);
}

}  // namespace shoal::memory
