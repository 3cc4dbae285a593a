// SPDX-License-Identifier: Apache-2.0
#include "pool/parcel.hpp"

namespace shoal::pool {

os::Result<void> send_parcel(int socket, const ParcelLabel& label, std::span<const int> fds,
                             os::Wait wait) noexcept {
  return os::send_message(socket, std::as_bytes(std::span(&label, 1)), fds, wait);
}

os::Result<Parcel> receive_parcel(int socket, os::Wait wait) {
  Parcel parcel;
  os::Result<os::Message> message =
      os::receive_message(socket, std::as_writable_bytes(std::span(&parcel.label, 1)), wait);
  if (!message) return message.error();
  if (message->size == 0) return os::failure(EPIPE, "recvmsg", "%d", socket);
  if (message->is_cut) return os::failure(EMFILE, "recvmsg", "%d", socket);
  if (message->size != sizeof parcel.label) return os::failure(EPROTO, "recvmsg", "%d", socket);
  parcel.fds = std::move(message->fds);
  return parcel;
}

}  // namespace shoal::pool
