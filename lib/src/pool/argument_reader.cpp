// SPDX-License-Identifier: Apache-2.0
#include "pool/argument_reader.hpp"

#include <algorithm>
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
  drop_stale();
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
      while (!segments_.has(entry.segment)) next_parcel();
      arguments.bytes = segments_.bytes(entry.segment).subspan(entry.offset, entry.size);
      break;
  }
  return arguments;
}

// What the worker keeps is in its place; the rest is in the parcel, in the same order.
void ArgumentReader::receive(const Entry& entry, Arguments& arguments) {
  unsigned riding = entry.descriptors;
  arguments.descriptors.resize(entry.descriptors);
  for (unsigned i = 0; i < std::min<unsigned>(entry.descriptors, kKeptPerTask); ++i) {
    if (entry.kept[i] == 0) continue;
    arguments.descriptors[i] = kept(entry.kept[i] - 1U);
    --riding;
  }
  if (riding == 0 && entry.place != Place::in_file) return;
  Parcel parcel = parcel_of(entry.ticket);
  auto fd = parcel.fds.begin();
  if (parcel.label.has_file != 0) arguments.file = map_file(*fd++, entry.size);
  for (std::shared_ptr<const UniqueFd>& place : arguments.descriptors) {
    if (place != nullptr || fd == parcel.fds.end()) continue;
    place = std::make_shared<const UniqueFd>(std::move(*fd++));
  }
}

// It was sent before the entry that names it.
const std::shared_ptr<const UniqueFd>& ArgumentReader::kept(unsigned slot) {
  while (!kept_.has(slot)) {
    if (!kept_.is_used(slot)) throw ResourceError("a task's descriptor has gone before it began");
    next_parcel();
  }
  return kept_.file(slot);
}

// Parcels come in the order of dispatch; those of tasks that were taken back are dropped here.
Parcel ArgumentReader::parcel_of(std::uint64_t ticket) {
  for (;;) {
    Parcel parcel = next_parcel();
    if (parcel.label.ticket == ticket) return parcel;
  }
}

Parcel ArgumentReader::next_parcel() {
  os::Result<Parcel> parcel = receive_parcel(control_, os::Wait::yes);
  has_lost_parcel_ = has_lost_parcel_ || !parcel;
  if (!parcel) {
    throw ResourceError(std::error_code(parcel.error().error, std::generic_category()),
                        "a worker could not receive the descriptors of its task");
  }
  const bool is_segment = parcel->label.ticket == kSegmentTicket;
  if (is_segment || parcel->label.ticket == kKeptTicket) {
    const os::Result<void> added = is_segment ? segments_.add(*parcel) : kept_.add(*parcel);
    has_lost_parcel_ = has_lost_parcel_ || !added;
    if (!added) throw ResourceError("a worker needs " + added.error().to_string());
  }
  return std::move(*parcel);
}

}  // namespace shoal::pool
