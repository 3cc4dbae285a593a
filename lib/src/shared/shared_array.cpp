// SPDX-License-Identifier: Apache-2.0
#include "shoal/shared_array.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/or_resource_error.hpp"
#include "os/fork_generation.hpp"
#include "os/lasting_fd.hpp"
#include "os/memfd.hpp"
#include "os/reserve.hpp"
#include "shared/array_state.hpp"
#include "shared/commons.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {
namespace {

using shared::ArrayLabel;
using shared::ArrayState;

std::shared_ptr<ArrayState> make_empty(const ArrayLabel& label) {
  return std::make_shared<ArrayState>(label, memory::Mapping(), nullptr);
}

std::shared_ptr<ArrayState> create(std::size_t bytes, std::uint64_t type) {
  if (bytes == 0) return make_empty({.type = type});
  const std::string attempt = "cannot make a SharedArray of " + std::to_string(bytes) + " bytes";
  os::Fd file = base::or_resource_error(os::create_shared_file(shared::kArrayName, bytes), attempt);
  base::or_resource_error(os::reserve(file.get(), bytes), attempt);
  base::or_resource_error(os::seal(file.get(), os::Writers::those_who_map_it), attempt);
  memory::Mapping map = base::or_resource_error(
      memory::Mapping::map(file.get(), bytes, memory::Access::read_write), attempt);
  shared::Commons& commons = shared::Commons::instance();
  const ArrayLabel label{{commons.draw_token(), commons.draw_token()}, bytes, type};
  return commons.arrays().enter(
      std::make_shared<ArrayState>(label, std::move(map), os::LastingFd::make(std::move(file))));
}

ArrayLabel read_label(Reader& reader, std::size_t element_bytes, std::uint64_t type) {
  ArrayLabel label;
  for (std::uint64_t& half : label.id) half = reader.get<std::uint64_t>();
  label.bytes = reader.get<std::uint64_t>();
  label.type = reader.get<std::uint64_t>();
  if (label.type != type) {
    throw CodecError(
        "a SharedArray arrived whose elements are of another type than was asked for, or of one of "
        "that name with other members");
  }
  if (label.bytes % element_bytes != 0) {
    throw CodecError("a SharedArray arrived of " + std::to_string(label.bytes) +
                     " bytes, which are no number of elements");
  }
  return label;
}

[[noreturn]] void fail_foreign(const ArrayLabel& label) {
  throw CodecError("a SharedArray arrived with a descriptor that is no file of its " +
                   std::to_string(label.bytes) + " bytes, writable and sealed in size");
}

// What a stranger sent is mapped if it is what he says, and can be nothing else later on.
std::shared_ptr<ArrayState> map_array(const ArrayLabel& label, const UniqueFd& fd) {
  os::Result<memory::Mapping> map =
      memory::Mapping::map_foreign(fd.get(), label.bytes, memory::Access::read_write);
  if (!map &&
      (map.error().error == EPROTO || map.error().error == EACCES || map.error().error == EPERM)) {
    fail_foreign(label);
  }
  memory::Mapping mapped = base::or_resource_error(std::move(map), "cannot map a SharedArray");
  return std::make_shared<ArrayState>(label, std::move(mapped),
                                      os::LastingFd::make(fd.duplicate()));
}

// One that is here already is not mapped again; the descriptor that came must be the same file's.
std::shared_ptr<ArrayState> find_or_map(const ArrayLabel& label, const UniqueFd& fd) {
  shared::ArrayMaps& arrays = shared::Commons::instance().arrays();
  std::shared_ptr<ArrayState> array = arrays.find(label);
  if (array == nullptr) array = arrays.enter(map_array(label, fd));
  if (array->label != label || !os::is_same_file(array->descriptor->get(), fd.get())) {
    fail_foreign(label);
  }
  return array;
}

std::shared_ptr<ArrayState> receive(Reader& reader, const ArrayLabel& label) {
  if (label.bytes == 0) return make_empty(label);
  const std::shared_ptr<const UniqueFd> fd = reader.take_fd();
  const os::KeptFd* const kept = os::KeptFd::find(fd);
  if (kept == nullptr) return find_or_map(label, *fd);
  // What a worker keeps is of arrays only.
  auto known = std::static_pointer_cast<ArrayState>(kept->companion());
  if (known != nullptr && known->label == label) return known;
  std::shared_ptr<ArrayState> array = find_or_map(label, *fd);
  kept->keep(array);
  return array;
}

std::size_t total_bytes(std::size_t count, std::size_t element_bytes) {
  const std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / element_bytes;
  if (count <= most) return count * element_bytes;
  throw ResourceError("cannot make a SharedArray of " + std::to_string(count) +
                      " elements: no memory has room for more than " + std::to_string(most));
}

}  // namespace

ArrayHandle::ArrayHandle(std::shared_ptr<const shared::ArrayState> state) noexcept
    : state_(std::move(state)),
      bytes_(state_->map.bytes()),
      generation_word_(&os::fork_generation_word()),
      generation_(state_->generation) {}

ArrayHandle::ArrayHandle(std::size_t count, std::size_t element_bytes, std::uint64_t type)
    : ArrayHandle(create(total_bytes(count, element_bytes), type)) {}

void ArrayHandle::encode(Writer& writer) const {
  static_cast<void>(bytes());
  const ArrayLabel& label = state_->label;
  for (const std::uint64_t half : label.id) writer.put(half);
  writer.put(label.bytes);
  writer.put(label.type);
  if (label.bytes > 0) writer.put_fd(state_->descriptor);
}

ArrayHandle ArrayHandle::decode(Reader& reader, std::size_t element_bytes, std::uint64_t type) {
  return ArrayHandle(receive(reader, read_label(reader, element_bytes, type)));
}

void ArrayHandle::fail_index(std::size_t index, std::size_t size) {
  throw std::out_of_range("SharedArray::at(" + std::to_string(index) + "): the array has " +
                          std::to_string(size) + " elements");
}

void ArrayHandle::fail_in_copy() {
  throw ClosedError(
      "SharedArray: this handle was made before a fork() and belongs to the process before it; "
      "hand "
      "handles to processes as arguments");
}

}  // namespace shoal::internal
