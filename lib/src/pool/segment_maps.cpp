// SPDX-License-Identifier: Apache-2.0
#include "pool/segment_maps.hpp"

namespace shoal::pool {

os::Result<void> SegmentMaps::add(const Parcel& parcel) {
  const ParcelLabel& label = parcel.label;
  if (parcel.fds.size() != 1 || label.slot >= kSegmentSlots) {
    return os::failure(EPROTO, "recvmsg", "a segment in slot %u", label.slot);
  }
  os::Result<memory::Mapping> mapping = memory::Mapping::map(
      parcel.fds.front().get(), label.bytes, memory::Access::read_only);
  if (!mapping) return mapping.error();
  maps_[label.slot] = {label.segment, std::move(*mapping)};
  return {};
}

void SegmentMaps::drop_stale() {
  for (unsigned slot = 0; slot < kSegmentSlots; ++slot) {
    if (maps_[slot].id != 0 && !has(slot)) maps_[slot] = {};
  }
}

}  // namespace shoal::pool
