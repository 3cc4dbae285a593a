// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "os/socket.hpp"

namespace shoal::pool {

/// Descriptors on their way between a pool and a worker, over the control socket. A parcel is sent
/// before the entry or completion that speaks of it is published; its first descriptor is the file
/// that holds the bytes, where `has_file`. A parcel of kSegmentTicket brings the file of a segment
/// that entries from now on may point into.
struct ParcelLabel {
  std::uint64_t ticket = 0;  ///< of the task it belongs to
  std::uint32_t has_file = 0;
  std::uint32_t slot = 0;     ///< of the segment
  std::uint64_t segment = 0;  ///< its id
  std::uint64_t bytes = 0;    ///< its size
};

/// The first message of a worker: it is ready to take tasks.
inline constexpr std::uint64_t kHelloTicket = ~std::uint64_t{0};
inline constexpr std::uint64_t kSegmentTicket = kHelloTicket - 1;
/// The first message of a worker whose initializer has thrown: `bytes` of what it had to say stand
/// at the beginning of the reply ring.
inline constexpr std::uint64_t kBrokenTicket = kHelloTicket - 2;
/// A parcel of one descriptor, `segment` by its id, that the worker keeps in `slot`.
inline constexpr std::uint64_t kKeptTicket = kHelloTicket - 3;
inline constexpr std::size_t kLongestComplaint = 4096;

os::Result<void> send_parcel(int socket, const ParcelLabel& label, std::span<const int> fds,
                             os::Wait wait) noexcept;

struct Parcel {
  ParcelLabel label;
  std::vector<os::Fd> fds;
};

/// The next parcel. Fails with EPROTO where what came is none, EPIPE at the end of the stream, and
/// EMFILE where this process had no room for the descriptors.
os::Result<Parcel> receive_parcel(int socket, os::Wait wait);

}  // namespace shoal::pool
