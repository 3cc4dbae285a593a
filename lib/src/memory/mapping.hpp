// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <span>

#include "os/error.hpp"

namespace shoal::memory {

enum class Access {
  read_only,     ///< shared: sees what others write
  read_write,    ///< shared: writes for others to see
  private_copy,  ///< sees the file as it is; writes stay here
};

/// A shared file mapped into this process; unmapped with the object. A forked child does not
/// inherit it: touching it there is a fault, not a corruption.
class Mapping {
 public:
  Mapping() = default;

  /// Maps the first `size` bytes of `fd`, which may be closed afterwards.
  static os::Result<Mapping> map(int fd, std::size_t size, Access access);

  std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(region_.get_address()), region_.get_size()};
  }
  std::byte* data() const noexcept { return bytes().data(); }
  std::size_t size() const noexcept { return region_.get_size(); }

 private:
  explicit Mapping(boost::interprocess::mapped_region region) : region_(std::move(region)) {}
  boost::interprocess::mapped_region region_;
};

}  // namespace shoal::memory
