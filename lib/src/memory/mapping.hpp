// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/error.hpp"

namespace shoal::memory {

enum class Access {
  read_only,     ///< shared: sees what others write
  read_write,    ///< shared: writes for others to see
  private_copy,  ///< sees the file as it is; writes stay here
};

/// A shared file mapped into this process; unmapped with the object. A forked child does not
/// inherit a shared map: touching it there is a fault, not a corruption, and the copy of the object
/// there does nothing. A private copy is inherited like other memory.
class Mapping {
 public:
  Mapping() = default;

  /// Maps the first `size` bytes of `fd`, which may be closed afterwards.
  static os::Result<Mapping> map(int fd, std::size_t size, Access access);

  /// Maps a private copy of a file that a stranger sent and said to hold `size` bytes. Fails with
  /// EPROTO where it is of another size, or could still change.
  static os::Result<Mapping> map_sealed(int fd, std::size_t size);

  /// Maps a file that a stranger sent and said to hold `size` bytes, and goes on writing: what is
  /// read from it may change at any time. Fails with EPROTO where its size is another or may change.
  static os::Result<Mapping> map_foreign(int fd, std::size_t size,
                                         Access access = Access::read_only);

  Mapping(Mapping&&) noexcept = default;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(region_.get_address()), region_.get_size()};
  }
  std::byte* data() const noexcept { return bytes().data(); }
  std::size_t size() const noexcept { return region_.get_size(); }

 private:
  Mapping(boost::interprocess::mapped_region region, Access access);

  boost::interprocess::mapped_region region_;
  bool is_inherited_ = true;  // a forked child has this map too
  std::uint32_t generation_ = 0;
};

}  // namespace shoal::memory
