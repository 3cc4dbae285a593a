// SPDX-License-Identifier: Apache-2.0
#include "pool/argument_reader.hpp"

#include <utility>

#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

memory::Mapping map_file(const os::Fd& file, std::size_t bytes) {
  os::Result<memory::Mapping> mapping =
      memory::Mapping::map(file.get(), bytes, memory::Access::private_copy);
  if (!mapping) throw ResourceError("a worker needs " + mapping.error().to_string());
  return std::move(*mapping);
}

}  // namespace

ArgumentReader::Arguments ArgumentReader::open(const Entry& entry) {
  Arguments arguments;
  if (entry.place == Place::in_file || entry.descriptors > 0) receive(entry, arguments);
  switch (entry.place) {
    case Place::in_entry:
      arguments.bytes = std::span(entry.bytes).first(entry.size);
      break;
    case Place::in_mailbox:
      arguments.bytes = std::span(submissions_.arguments).subspan(entry.offset, entry.size);
      break;
    case Place::in_file:
      arguments.bytes = arguments.file.bytes();
      break;
    case Place::in_segment:
    case Place::in_new_segment:  // of results only
      drop_segments();
      while (!segments_.has(entry.segment)) next_parcel();
      arguments.bytes = segments_.bytes(entry.segment).subspan(entry.offset, entry.size);
      break;
  }
  return arguments;
}

// Parcels come in the order of dispatch; those of tasks that were taken back are dropped here.
void ArgumentReader::receive(const Entry& entry, Arguments& arguments) {
  for (;;) {
    Parcel parcel = next_parcel();
    if (parcel.label.ticket != entry.ticket) continue;
    auto fd = parcel.fds.begin();
    if (parcel.label.has_file != 0) arguments.file = map_file(*fd++, entry.size);
    for (; fd != parcel.fds.end(); ++fd) {
      arguments.descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
    }
    return;
  }
}

Parcel ArgumentReader::next_parcel() {
  os::Result<Parcel> parcel = receive_parcel(control_, os::Wait::yes);
  has_lost_parcel_ = has_lost_parcel_ || !parcel;
  if (!parcel) {
    throw ResourceError(std::error_code(parcel.error().error, std::generic_category()),
                        "a worker could not receive the descriptors of its task");
  }
  if (parcel->label.ticket == kSegmentTicket) {
    const os::Result<void> added = segments_.add(*parcel);
    has_lost_parcel_ = has_lost_parcel_ || !added;
    if (!added) throw ResourceError("a worker needs " + added.error().to_string());
  }
  return std::move(*parcel);
}

}  // namespace shoal::pool
