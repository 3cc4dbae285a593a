// SPDX-License-Identifier: Apache-2.0
#include "pool/kept_files.hpp"

#include <utility>

#include "os/lasting_fd.hpp"

namespace shoal::pool {

os::Result<void> KeptFiles::add(Parcel& parcel) {
  const ParcelLabel& label = parcel.label;
  if (parcel.fds.size() != 1 || label.slot >= kKeptSlots) {
    return os::failure(EPROTO, "recvmsg", "a descriptor to keep in slot %u", label.slot);
  }
  kept_[label.slot] = {label.segment, os::KeptFd::make(std::move(parcel.fds.front()))};
  return {};
}

void KeptFiles::drop_stale() noexcept {
  for (unsigned slot = 0; slot < kKeptSlots; ++slot) {
    if (kept_[slot].id != 0 && !has(slot)) kept_[slot] = {};
  }
}

}  // namespace shoal::pool
